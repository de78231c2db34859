"""predictive: nodes for the arrivals that the season foretells, at the instant at which a node asked for now is ready.

Arrivals in bins of `bin_s` are forecast by Holt-Winters (`autoscaler.season`; Winters 1960). Provided for is the upper
bound that `headroom_ratio` of the bins stay under (normal spread from past errors), the highest of the bins from now to
now + `provisioning_s` + `interval_s`: nodes = ceil(rate x work / (agents a node x target utilization)). The work of an
arrival is measured (`autoscaler.bins`). The wish is the larger of this and of the reactive `hpa`, as AWS combines its
predictive with its dynamic scaling; until a season is seen, and when a metric is missing, `hpa` decides alone.
"""

from __future__ import annotations

from statistics import NormalDist

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.bins import Bins
from sim.scalability.autoscaler.params import AutoscalerParams, refused
from sim.scalability.autoscaler.policies.hpa import Hpa
from sim.scalability.autoscaler.policy import NO_METRIC, Wish, nodes_for, usable
from sim.scalability.autoscaler.season import SeasonalForecast

SEASON_BINS_MAX = 100_000
LEAD_BINS_MAX = 10_000


@register("autoscaler", "predictive")
class Predictive:
    """Reads `season_s bin_s headroom_ratio provisioning_s interval_s` and what `hpa` reads."""

    at_start = False
    event_driven = False

    def __init__(self, params: AutoscalerParams) -> None:
        bins = round(params.season_s / params.bin_s)
        if abs(bins * params.bin_s - params.season_s) > 1e-9 * params.season_s or not 2 <= bins <= SEASON_BINS_MAX:
            wanted = f"a whole part (2 to {SEASON_BINS_MAX}) of autoscaler.season_s={params.season_s:g}"
            raise refused("bin_s", params.bin_s, wanted)
        if not 0.0 < params.headroom_ratio < 1.0:
            raise refused("headroom_ratio", params.headroom_ratio, "a number between 0 and 1")
        self.lead_s = params.provisioning_s + params.interval_s
        if not self.lead_s <= LEAD_BINS_MAX * params.bin_s:
            wanted = f"so that provisioning_s + interval_s is at most {LEAD_BINS_MAX} bins"
            raise refused("bin_s", params.bin_s, wanted)
        self.target = params.target_utilization_ratio
        self.deviations = NormalDist().inv_cdf(params.headroom_ratio)
        self.forecast = SeasonalForecast(bins)
        self._bins = Bins(params.bin_s)
        self._reactive = Hpa(params)

    def observe(self, sample: FleetSample) -> None:
        """Fill the bins and let the reactive rule see it."""
        for arrivals in self._bins.add(sample):
            self.forecast.add(arrivals)
        self._reactive.observe(sample)

    def desired(self, sample: FleetSample) -> Wish:
        """The larger of the forecast's wish and the reactive one."""
        reactive = self._reactive.desired(sample)
        nodes = None if reactive is NO_METRIC else self._foretold(sample)
        floor = sample.nodes_desired if reactive.nodes is None else reactive.nodes
        if nodes is None or nodes <= floor:
            return reactive
        return Wish(nodes, f"forecast to {self.lead_s:g} s ahead")

    def _foretold(self, sample: FleetSample) -> int | None:
        work_s, bin_s = self._bins.work_s, self._bins.bin_s
        if not self.forecast.ready or work_s is None or sample.agents_per_node < 1 or not usable(sample.at):
            return None
        last = int((sample.at + self.lead_s) / bin_s) - int(sample.at / bin_s) + 1
        upper = max(
            self.forecast.mean(ahead) + self.deviations * self.forecast.spread(ahead) for ahead in range(1, last + 1)
        )
        return nodes_for(upper / bin_s * work_s / (sample.agents_per_node * self.target))
