"""Seeded chance for synthetic data in the tests of measure (the simulator itself takes its chance from Draws)."""

from __future__ import annotations

import numpy as np


def generator(seed: int) -> np.random.Generator:
    """A numpy generator of this seed."""
    return np.random.default_rng(seed)
