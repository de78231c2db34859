"""The simulated world: nodes, agents and request load on SimPy's clock."""
