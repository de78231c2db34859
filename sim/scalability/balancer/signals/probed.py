"""Probed signal: each dispatch sends a few asynchronous probes; a node answers with its rif and a latency estimate.

Rif (requests in flight at the node, everybody's) is exact when the answer leaves and ages until it is used. The
estimate is the median latency of those of the node's last RING answers whose rif at arrival was nearest to its rif now
(Wydrowski, Kleinberg, Rumble, Archer 2024, "Load is not what you should balance"), each times (rif + 1) / (the rif it
met + 1). The factor is ours, and 1 where the rifs are equal: a production server has answers at every rif, a node of 12
agents has not, and after a busy time it would tell its busy latencies while it stands idle, and so be left idle for
ever (10 equal nodes at .9: mean sojourn 14.6 service times, against 1.5 with the factor). Without an answer the
estimate is 0 s: the node is tried until its own rif makes it hot.
"""

from __future__ import annotations

from sim.scalability.balancer.fleet_state import floats, integers

RING = 32


class LatencyRings:
    """Rings of all nodes, flat: shape (slots_max x RING,); `size` and `next` have shape (slots_max,)."""

    __slots__ = ("latency_s", "next", "rif", "scratch", "size")

    def __init__(self, slots_max: int) -> None:
        self.rif = integers(slots_max * RING)
        self.latency_s = floats(slots_max * RING)
        self.size = integers(slots_max)
        self.next = integers(slots_max)
        self.scratch = floats(RING)


def ring_record(rings: LatencyRings, slot: int, rif: int, latency_s: float) -> None:
    """An answer of `slot`: the rif its request met at arrival, and how long it took."""
    at = rings.next[slot]
    rings.rif[slot * RING + at] = rif
    rings.latency_s[slot * RING + at] = latency_s
    at += 1
    rings.next[slot] = 0 if at == RING else at
    if rings.size[slot] < RING:
        rings.size[slot] += 1


def ring_estimate(rings: LatencyRings, slot: int, rif: int) -> float:
    """Median latency (lower median, seconds) of the answers nearest to `rif`, scaled to it; 0 without any."""
    first = slot * RING
    last = first + rings.size[slot]
    rifs, latencies, scratch = rings.rif, rings.latency_s, rings.scratch
    nearest = -1
    kept = 0
    for at in range(first, last):
        away = rifs[at] - rif
        if away < 0:
            away = -away
        if nearest < 0 or away < nearest:
            nearest = away
            kept = 0
        if away == nearest:
            latency_s = latencies[at] * ((rif + 1) / (rifs[at] + 1))  # exact where the rifs are equal
            place = kept
            while place > 0 and scratch[place - 1] > latency_s:
                scratch[place] = scratch[place - 1]
                place -= 1
            scratch[place] = latency_s
            kept += 1
    return scratch[(kept - 1) >> 1] if kept else 0.0


def ring_forget(rings: LatencyRings, slot: int) -> None:
    """A freed slot starts without answers."""
    rings.size[slot] = 0
    rings.next[slot] = 0
