"""scheduled: a fixed number of nodes from each instant of the season on, repeated every season (a cron scaler).

As KEDA's cron scaler and AWS scheduled scaling: what is known to come needs no metric. `at_s` are instants of the
season in rising order, `counts` the nodes from each on; before the first instant the last count holds, from the season
before. Machines take `provisioning_s`, so that a schedule names the instant at which to ask for them.
"""

from __future__ import annotations

from bisect import bisect_right

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.params import AutoscalerParams, refused
from sim.scalability.autoscaler.policy import NO_METRIC, Wish, usable


@register("autoscaler", "scheduled")
class Scheduled:
    """Reads `at_s counts season_s`."""

    at_start = True
    event_driven = False

    def __init__(self, params: AutoscalerParams) -> None:
        at_s, counts, season_s = list(params.at_s), list(params.counts), params.season_s
        if not at_s:
            raise refused("at_s", at_s, "at least one instant of the season with autoscaler=scheduled")
        for before, at in zip([-1.0, *at_s], at_s, strict=False):
            if not max(before, 0.0) <= at < season_s or at == before:
                wanted = f"rising instants from 0, below autoscaler.season_s={season_s:g}"
                raise refused("at_s", at_s, wanted)
        if len(counts) != len(at_s):
            raise refused("counts", counts, f"as many counts as autoscaler.at_s has instants, {len(at_s)}")
        for count in counts:
            if not params.min_nodes <= count <= params.max_nodes:
                raise refused("counts", count, f"min_nodes={params.min_nodes} to max_nodes={params.max_nodes}")
        self.at_s, self.counts, self.season_s = at_s, counts, season_s

    def observe(self, sample: FleetSample) -> None:
        """Nothing is kept."""

    def desired(self, sample: FleetSample) -> Wish:
        """What the schedule says for this instant."""
        if not usable(sample.at):
            return NO_METRIC
        at_s = sample.at % self.season_s
        index = bisect_right(self.at_s, at_s) - 1  # -1: the last one, of the season before
        return Wish(self.counts[index], f"scheduled from {self.at_s[index]:g} s of the season")
