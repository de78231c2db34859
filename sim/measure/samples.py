"""A sample that quantiles are taken of, whether its observations were kept or counted in a histogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.measure.histogram import Sketch, merged
from sim.measure.quantiles import sorted_quantiles
from sim.measure.summary import Floats

Sample = Floats | Sketch


class Sorted:
    """Observations in order; `quantiles` are exact order statistics."""

    __slots__ = ("values",)

    def __init__(self, values: Floats) -> None:
        self.values = np.sort(values)

    def __len__(self) -> int:
        return len(self.values)

    def quantiles(self, probs: Sequence[float]) -> Floats:
        """Quantiles, shape (len(probs),)."""
        return sorted_quantiles(self.values, probs)


def pooled(parts: Sequence[Sample]) -> Sorted | Sketch:
    """All replications' observations in one; histograms with histograms, observations with observations."""
    sketches = [part for part in parts if isinstance(part, Sketch)]
    if sketches:
        return merged(sketches)
    return Sorted(np.concatenate([part for part in parts if not isinstance(part, Sketch)]))
