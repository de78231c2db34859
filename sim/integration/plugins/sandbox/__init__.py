"""The kernel's own walls around a plugin's process: limits, namespaces, another root and user, Landlock, seccomp.

Everything here is plain Python over ctypes, so that a fresh interpreter with an empty environment can run it, as root
or not. `layers.LAYERS` names the walls in the order they go up, `detect.trial` says which of them this machine gives.
"""
