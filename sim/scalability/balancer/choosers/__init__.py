"""One file a strategy, registered in its own file; `sim.registry` imports every module of this package."""
