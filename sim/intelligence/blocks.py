"""What an interval brought to all of its arms is taken off: the standing setting of the same instant is the control.

A burst, a slow node or an hour of hard tasks moves both arms of a window alike; learned as if the setting on trial had
done it, a few such windows make any setting look good or bad. An interval's effect b ~ N(0, t^2) is told by its control
with variance v: of the control's distance from its usual level the ratio t^2 / (t^2 + v) is taken off every arm (the
best linear prediction: Henderson 1975; a control as in Deng et al. 2013). t^2 is what the spread of controls of one
setting (by the median absolute deviation) has beyond their noise, 0 if that is within `SURE_Z` of its own error. An
interval too far off for that law is taken for what it shows: 1 - `FAR_Z`^2 v / distance^2 (as James and Stein 1961).
Means are taken as they are, not on the modeled scale: waiting adds seconds, it does not multiply them. Controls are
compared with those of the same setting and context on the same side of a drift alarm: what these explain is for the
surrogate. A proof's pooled windows span many intervals and stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.intelligence.intake import STANDING
from sim.intelligence.protocol import Window
from sim.intelligence.space import Floats
from sim.intelligence.taught import Key, key_of

TOGETHER_S = 0.01  # arms of one interval are no farther apart
CONTROLS_MIN = 4
MAD_TO_SD = 1.4826  # of a normal law
SURE_Z, FAR_Z = 2.0, 3.0
FLOOR_RATIO = 0.25


def controls(windows: Sequence[Window]) -> list[int]:
    """For each window, in order of time, the place of its interval's control; -1 where it has none or is alone."""
    found, start = [-1] * len(windows), 0
    for stop in range(1, len(windows) + 1):
        if stop < len(windows) and abs(windows[stop].at - windows[start].at) <= TOGETHER_S:
            continue
        block = range(start, stop)
        held = [at for at in block if windows[at].arm == STANDING]
        if held and stop - start > 1:
            found[start:stop] = [held[0]] * (stop - start)
        start = stop
    return found


def controlled(
    windows: Sequence[Window], mean: Floats, variance: Floats, is_positive: bool = False, old_count: int = 0
) -> tuple[Floats, Floats]:
    """Means (r,) and the variances (r,) of their noise without what the intervals brought, in the target's units.

    What `is_positive` stays above `FLOOR_RATIO` of the usual level. The first `old_count` are from before an alarm.
    """
    places = controls(windows)
    if max(places, default=-1) < 0:
        return mean, variance
    groups: dict[tuple[bool, Key], list[int]] = {}
    for at in sorted(set(places) - {-1}):
        groups.setdefault((at < old_count, key_of(windows[at])), []).append(at)
    effect, unsure, level = np.zeros(len(mean)), np.zeros(len(mean)), np.zeros(len(mean))
    for held in groups.values():
        noise = variance[held]
        usual = float(np.mean(noise))
        if len(held) < CONTROLS_MIN or usual <= 0.0:  # without a known noise nothing tells an effect from luck
            continue
        level[held] = np.median(mean[held])
        distance = mean[held] - level[held]
        spread2 = (MAD_TO_SD * float(np.median(np.abs(distance)))) ** 2
        error = SURE_Z * usual * (2.0 / (len(held) - 1)) ** 0.5
        shared = max(spread2 - usual, 0.0) if spread2 - usual > error else 0.0
        ratio = shared / np.maximum(shared + noise, 1e-300)
        far = 1.0 - FAR_Z**2 * noise / np.maximum(distance**2, 1e-300)
        ratio = np.maximum(np.maximum(ratio, far), 0.0)
        effect[held] = ratio * distance
        unsure[held] = (1.0 - ratio) ** 2 * shared + ratio**2 * noise
    of = np.array(places)
    has = of >= 0
    cleared, noisier = mean.copy(), variance.copy()
    cleared[has] -= effect[of[has]]
    noisier[has] += unsure[of[has]]
    if is_positive:
        low = np.zeros(len(mean))
        low[has] = FLOOR_RATIO * level[of[has]]
        cleared = np.maximum(cleared, np.minimum(low, mean))
    return cleared, noisier
