"""The compiled request engine: numba code that gives the same tables as the SimPy engine, bit by bit."""
