"""What runs on the other side: the small process that workers are forked from, and the worker itself.

No module here imports more than the standard library, msgspec and `sandbox`; nothing in it is to be trusted by the host
once a plugin has run.
"""
