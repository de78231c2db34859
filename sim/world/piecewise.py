"""The inverse of a cumulated rate that is linear piece by piece: when does the integral of the rate reach x?

On a piece that starts with rate r and slope s the integral after t seconds is r t + s t^2 / 2; its inverse is taken as
2 x / (r + sqrt(r^2 + 2 s x)), the form of the quadratic's root that does not cancel. Pieces are read lazily, so that a
path without end (a Markov chain's) costs only what is asked of it. Rates in 1/s, instants in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time on which the rate is linear; `ends_at` may be infinite where the rate is constant."""

    starts_at: float
    ends_at: float
    rate_start: float
    rate_end: float

    def mass(self) -> float:
        """Expected arrivals of the stretch."""
        rates = self.rate_start + self.rate_end
        return rates * 0.5 * (self.ends_at - self.starts_at) if rates else 0.0


class PiecewiseInverse:
    """Inverse along segments for growing arguments, never decreasing; infinity past the last segment."""

    def __init__(self, segments: Iterator[Segment]) -> None:
        self._segments = segments
        self._before = 0.0  # cumulated rate up to the segment
        self._last_at = 0.0
        self._ended = not self._advance()

    def segment(self) -> Segment:
        """The segment of the last argument (at first the first one that has any mass)."""
        return self._segment

    def _advance(self) -> bool:
        """Go to the next segment that has any mass; False when there is none."""
        for segment in self._segments:
            mass = segment.mass()
            if mass > 0.0:
                self._segment, self._mass = segment, mass
                return True
        return False

    def one(self, operational: float) -> float:
        """The instant at which the cumulated rate reaches `operational`."""
        while not self._ended and operational > self._before + self._mass:
            self._before += self._mass
            self._ended = not self._advance()
        if self._ended:
            return math.inf
        segment = self._segment
        at = segment.starts_at + _solve(segment, operational - self._before)
        if at < self._last_at:
            at = self._last_at
        self._last_at = at
        return at

    def __call__(self, operational: list[float]) -> list[float]:
        """`one` of each; the arguments grow."""
        one = self.one
        return [one(value) for value in operational]


def _solve(segment: Segment, mass: float) -> float:
    """Seconds into the segment after which it has given `mass` arrivals."""
    start, length = segment.rate_start, segment.ends_at - segment.starts_at
    if start == segment.rate_end:
        return min(mass / start, length)
    slope = (segment.rate_end - start) / length
    root = math.sqrt(max(start * start + 2.0 * slope * mass, 0.0))
    return min(2.0 * mass / (start + root), length) if mass > 0.0 else 0.0
