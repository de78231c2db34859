"""The DistributedManager: nodes, agents, heartbeats, status."""
