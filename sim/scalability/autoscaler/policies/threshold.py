"""threshold: the source's bare rule. Above the threshold one node more; would the rest stay below it, one node less.

The source's auto scaling: `scaling_threshold` .8 of the load, `min_nodes`, `max_nodes`, one node a decision, nothing
else. No tolerance, no window, no readiness rule: with noise or a provisioning delay it flaps, and that is on purpose.
A node that is asked for is not asked for again while it starts.
"""

from __future__ import annotations

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.params import AutoscalerParams, refused
from sim.scalability.autoscaler.policy import NO_METRIC, Wish, usable, with_pending


@register("autoscaler", "threshold")
class Threshold:
    """Reads `target_utilization_ratio`, the threshold; raises `ConfigError` for a fleet that may be empty."""

    at_start = False
    event_driven = False

    def __init__(self, params: AutoscalerParams) -> None:
        if params.min_nodes < 1:
            raise refused("min_nodes", params.min_nodes, "at least 1 with autoscaler=threshold (no node, no metric)")
        self.threshold = params.target_utilization_ratio

    def observe(self, sample: FleetSample) -> None:
        """Nothing is kept."""

    def desired(self, sample: FleetSample) -> Wish:
        """One more, one less, or what there is."""
        return with_pending(self._bare(sample), sample)

    def _bare(self, sample: FleetSample) -> Wish:
        utilization, ready, starting = sample.utilization_ratio, sample.nodes_ready, sample.nodes_starting
        if not usable(utilization, ready, starting) or not ready:
            return NO_METRIC
        if utilization > self.threshold:
            return Wish(ready + max(starting, 1), f"utilization {utilization:.3f} over {self.threshold:g}")
        rest = ready + starting - 1
        if rest and utilization * ready < self.threshold * rest:
            return Wish(rest, f"utilization {utilization:.3f} stays below {self.threshold:g} with one node less")
        return Wish(None, "between the thresholds")
