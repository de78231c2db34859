"""Which node answers a request: signal (how loaded, how fresh) x chooser (which of them) x eligible set (who may)."""
