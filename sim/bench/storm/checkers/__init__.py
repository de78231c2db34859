"""Checkers of a storm: each keeps books of its own from events, the journal, and calls at the seams."""
