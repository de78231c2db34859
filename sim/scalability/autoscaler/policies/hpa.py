"""hpa: desired = ceil(current x utilization / target), the horizontal pod autoscaler (Kubernetes documentation, 2025).

No change while |utilization / target - 1| <= `tolerance_ratio`. Nodes that are not ready count as idle when the metric
would scale out, as exactly at target when it would scale in; if that turns the direction or comes within the tolerance,
nothing happens. A scale-in takes the highest wish of `stabilization_window_s`, so that none follows a scale-out within
it; a scale-out does not wait. Limits of a step are the loop's. Defaults: 15 s, .1, 300 s, out by 4 or 100 %.
"""

from __future__ import annotations

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.params import AutoscalerParams, refused
from sim.scalability.autoscaler.policy import NO_METRIC, Wish, nodes_for, usable, with_pending
from sim.scalability.autoscaler.window import WindowMax


@register("autoscaler", "hpa")
class Hpa:
    """Reads `target_utilization_ratio tolerance_ratio stabilization_window_s`; refuses `min_nodes` 0."""

    at_start = False
    event_driven = False

    def __init__(self, params: AutoscalerParams) -> None:
        if params.min_nodes < 1:
            wanted = f"at least 1 with autoscaler={params.kind} (no node, no metric)"
            raise refused("min_nodes", params.min_nodes, wanted)
        self.target, self.tolerance = params.target_utilization_ratio, params.tolerance_ratio
        self._wishes = WindowMax(params.stabilization_window_s)
        self._wish = NO_METRIC
        self._seeded = False

    def observe(self, sample: FleetSample) -> None:
        """Work out the wish and remember it for the window."""
        self._wish = self._stabilized(sample)

    def desired(self, sample: FleetSample) -> Wish:
        """The wish of the sample that was observed last."""
        return self._wish

    def _stabilized(self, sample: FleetSample) -> Wish:
        current = sample.nodes_desired
        if not self._seeded:  # what stands at the start counts as wished for
            self._wishes.add(sample.at, current)
            self._seeded = True
        wish = with_pending(self.bare(sample), sample)
        if wish is NO_METRIC:
            return wish
        highest = self._wishes.add(sample.at, current if wish.nodes is None else wish.nodes)
        if wish.nodes is None or wish.nodes >= current:
            return wish
        if highest >= current:
            return Wish(None, "a higher wish in the stabilization window")
        if highest > wish.nodes:
            return Wish(highest, f"{wish.reason}; highest of the stabilization window")
        return wish

    def bare(self, sample: FleetSample) -> Wish:
        """The rule without its window."""
        utilization, ready = sample.utilization_ratio, sample.nodes_ready
        if not usable(utilization, ready) or not ready:
            return NO_METRIC
        ratio = utilization / self.target
        if self._tolerated(ratio):
            return Wish(None, "within the tolerance")
        missing = max(sample.nodes_desired - ready, 0)
        counted = ready
        if missing:
            counted = ready + missing
            damped = (ratio * ready + (0.0 if ratio > 1.0 else missing)) / counted
            if self._tolerated(damped) or (damped > 1.0) != (ratio > 1.0):
                return Wish(None, "nodes that are not ready yet make up for it")
            ratio = damped
        nodes = nodes_for(ratio * counted)
        if (nodes > sample.nodes_desired) != (ratio > 1.0):
            return Wish(None, "as many as there are")
        return Wish(nodes, f"utilization {utilization:.3f} of target {self.target:g}")

    def _tolerated(self, ratio: float) -> bool:
        return abs(ratio - 1.0) <= self.tolerance * (1.0 + 1e-9)
