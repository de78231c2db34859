"""A live agent host: a process that runs agents for a served control plane."""
