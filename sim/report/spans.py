"""Spans of time in a fleet's timeline: overlapping ones joined, who was struck, and when the fleet was back.

Recovery is the first bin after the end of the last fault from which goodput over offered stays at or above
`RECOVERED_RATIO` to the end (bins without an offer do not count). Instants in seconds; a NaN end means "on at the end".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sim.measure.summary import FleetTimeline

RECOVERED_RATIO = 0.95


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_s` to `end_s`."""

    start_s: float
    end_s: float


def closed(start_s: float, end_s: float, last_s: float) -> Span:
    """The span with an open end closed at `last_s`."""
    return Span(start_s, end_s if math.isfinite(end_s) else max(last_s, start_s))


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans in order of time, those that touch or overlap joined."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start_s, one.end_s)):
        if joined and span.start_s <= joined[-1].end_s:
            joined[-1] = Span(joined[-1].start_s, max(joined[-1].end_s, span.end_s))
        else:
            joined.append(span)
    return tuple(joined)


def last_end_s(timeline: FleetTimeline) -> float:
    """When the last fault ended; NaN where none was, or one is still on."""
    ends = [episode.ended_at for episode in timeline.episodes]
    return max(ends) if ends and all(math.isfinite(end) for end in ends) else math.nan


def recovered_at(timeline: FleetTimeline) -> float:
    """Start of the first bin after the last fault from which goodput stays recovered; NaN if there is none."""
    end_s = last_end_s(timeline)
    if not math.isfinite(end_s):
        return math.nan
    starts, goodput = timeline.times[:-1], timeline.goodput_ratio
    low = np.flatnonzero(goodput < RECOVERED_RATIO)  # a NaN is no loss
    first = int(low[-1]) + 1 if len(low) else 0
    after = np.flatnonzero((starts >= end_s) & (np.arange(len(starts)) >= first) & np.isfinite(goodput))
    return float(starts[after[0]]) if len(after) else math.nan


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts node-2 before node-10."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
