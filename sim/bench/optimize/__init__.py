"""The optimizer and its baselines on surfaces of which the truth is known: run, score, publish."""
