"""The shipped plugins, each a folder with manifest and code."""
