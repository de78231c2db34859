"""How long a retry waits: full jitter, U(0, min(max, base 2^(k-1))) before retry k (Brooker 2015, AWS).

Jitter takes the retries of requests that failed together apart; without it they come back as a herd. Seconds.
"""

from __future__ import annotations

DOUBLINGS_MAX = 30


def backoff_s(retry: int, base_s: float, max_s: float, draw: float) -> float:
    """Wait before retry `retry` (1 is the first), `draw` uniform in (0, 1)."""
    doublings = retry - 1 if retry - 1 < DOUBLINGS_MAX else DOUBLINGS_MAX
    return draw * min(max_s, base_s * float(1 << doublings))
