"""An exact rate limiter: GCRA (ITU-T I.371; a token bucket of `burst` tokens that gains `limit` in `period_s`).

A request is let in when TAT - (burst - 1) T <= now, with T = period / limit; then TAT = max(now, TAT) + T. Hence in
every window of length t at most burst + t / T requests of a key are let in. Instants are whole ticks of 1 / limit
nanoseconds, so that T is a whole number and nothing drifts. A clock that jumps back stands still here.

Memory: a key whose TAT has passed is as good as unknown. Keys that nothing was let in for during `burst T` are dropped
in two generations; none of them still counts. While `keys_max` are known, all other keys share one bucket, and a key
that becomes known later starts with that bucket's TAT: whatever is forgotten, no key gains by it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

NS = 1_000_000_000


class Verdict(NamedTuple):
    """What became of a request; of several buckets the one that refuses longest, or that has least left."""

    allowed: bool
    name: str  # of the bucket that decided
    remaining_count: int
    reset_s: float  # until the bucket is full again
    retry_s: float  # until a request would be let in, 0 if this one was


_verdict = tuple.__new__  # a row without the detour over its keywords, which costs more than the bucket


class Gcra:
    """Buckets of equal rate, one a key. `limit` requests per `period_s`, at most `burst` at once."""

    __slots__ = ("_latest", "_old", "_rotate_at", "_shared", "_young", "burst", "interval", "keys_max", "limit",
                 "name", "period_s", "span", "ticks_per_s", "tolerance")  # fmt: skip

    def __init__(self, name: str, limit: int, period_s: float, burst: int, keys_max: int) -> None:
        self.name, self.limit, self.period_s, self.burst, self.keys_max = name, limit, period_s, burst, keys_max
        self.interval = round(period_s * NS)  # T in ticks
        self.ticks_per_s = NS * limit
        self.tolerance = (burst - 1) * self.interval
        self.span = burst * self.interval  # a TAT is never further ahead
        self._young: dict[Hashable, int] = {}
        self._old: dict[Hashable, int] = {}
        self._shared = self._latest = 0
        self._rotate_at = self.span

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def ticks(self, now: float) -> int:
        """An instant in ticks, never before one that was seen; forgets what has no effect any more."""
        at = int(now * NS) * self.limit
        if at <= self._latest:
            return self._latest
        self._latest = at
        if at >= self._rotate_at:
            idle = at >= self._rotate_at + self.span  # nobody came for a whole further span
            self._old = {} if idle else self._young
            self._young = {}
            self._rotate_at = at + self.span
        return at

    def tat(self, key: Hashable, at: int) -> int:
        """When the key's bucket is full again, `at` if it is."""
        tat = self._young.get(key)
        if tat is None:
            tat = self._old.get(key)
            if tat is None:
                tat = self._shared
        return tat if tat > at else at

    def charge(self, key: Hashable, tat: int) -> None:
        """One request more; `tat` is what `tat` gave."""
        is_known = key in self._young or self._old.pop(key, None) is not None
        if not is_known and len(self._young) + len(self._old) >= self.keys_max:
            self._shared = tat + self.interval
        else:
            self._young[key] = tat + self.interval

    def take(self, key: Hashable, now: float) -> Verdict:
        """Let a request of the key in, or not."""
        at = int(now * NS) * self.limit
        if self._latest < at < self._rotate_at:  # what `ticks` does, most of the time
            self._latest = at
        else:
            at = self.ticks(now)
        per_s, interval = self.ticks_per_s, self.interval
        young = self._young
        tat = young.get(key)
        is_young = tat is not None
        if tat is None or tat < at:
            tat = at if is_young else self.tat(key, at)
        wait = tat - self.tolerance - at
        if wait > 0:
            return Verdict(False, self.name, 0, (tat - at) / per_s, wait / per_s)
        if is_young:
            young[key] = tat + interval
        else:
            self.charge(key, tat)
        ahead = tat + interval - at
        return _verdict(Verdict, (True, self.name, (self.span - ahead) // interval, ahead / per_s, 0.0))


def take_all(charges: Sequence[tuple[Gcra, Hashable]], now: float) -> Verdict:
    """Let a request in that several buckets must allow: all are charged, or none. At least one is given."""
    tats = []
    worst: Verdict | None = None
    for gcra, key in charges:
        at = gcra.ticks(now)
        tat = gcra.tat(key, at)
        wait = tat - gcra.tolerance - at
        if wait > 0 and (worst is None or wait / gcra.ticks_per_s > worst.retry_s):
            worst = Verdict(False, gcra.name, 0, (tat - at) / gcra.ticks_per_s, wait / gcra.ticks_per_s)
        tats.append((at, tat))
    if worst is not None:
        return worst
    least: Verdict | None = None
    for (gcra, key), (at, tat) in zip(charges, tats, strict=True):
        gcra.charge(key, tat)
        ahead = tat + gcra.interval - at
        remaining = (gcra.span - ahead) // gcra.interval
        if least is None or remaining < least.remaining_count:
            least = Verdict(True, gcra.name, remaining, ahead / gcra.ticks_per_s, 0.0)
    assert least is not None
    return least
