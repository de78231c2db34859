"""The integrated demo with real processes: the served control plane, node processes on loopback, clients over HTTP."""
