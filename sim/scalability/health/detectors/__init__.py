"""Failure detectors, one file each: pure objects over what was observed of nodes."""
