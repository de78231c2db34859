"""Agents whose outcomes depend on their parameters: surfaces of which the truth is known exactly, one file each."""
