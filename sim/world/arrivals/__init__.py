"""Arrival laws, one file each; every one registers itself by name."""
