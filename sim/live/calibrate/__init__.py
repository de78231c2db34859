"""Simulated against live: a recorded live run becomes a world, which predicts another live run."""
