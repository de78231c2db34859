"""Thin mains, one a verb of the command."""
