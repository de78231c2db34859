"""Where a load comes from and how old it may be: counted here, polled every so often, or probed."""
