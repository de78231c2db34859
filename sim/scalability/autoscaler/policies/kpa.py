"""kpa: nodes for the concurrency, averaged over a stable and a panic window (Knative pod autoscaler, autoscaler.go).

Concurrency is what is in flight and what waits at the balancer; a node's target is its agents x the target utilization.
desired = ceil(average / target), within ready / 2 rounded down and ready x 1000. Panic begins when the panic window
alone wants `panic_ratio` times the ready nodes; in panic the larger of both windows counts and nothing goes down; it
ends when no such sample came for a whole stable window. Defaults: tick 2 s, windows 60 and 6 s, ratio 2, target .7.
Not modeled: the activator and its burst capacity, the 30 s of grace before zero.
"""

from __future__ import annotations

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.params import AutoscalerParams, refused
from sim.scalability.autoscaler.policy import NO_METRIC, Wish, nodes_for, usable, with_pending
from sim.scalability.autoscaler.window import WindowMean

UP_RATIO_MAX = 1000.0  # Knative max-scale-up-rate
DOWN_RATIO_MAX = 2.0  # Knative max-scale-down-rate


@register("autoscaler", "kpa")
class Kpa:
    """Reads `stable_window_s panic_window_s panic_ratio target_utilization_ratio`."""

    at_start = False
    event_driven = False

    def __init__(self, params: AutoscalerParams) -> None:
        if not 0.0 < params.panic_window_s <= params.stable_window_s:
            wanted = f"above 0, at most autoscaler.stable_window_s={params.stable_window_s:g}"
            raise refused("panic_window_s", params.panic_window_s, wanted)
        if not params.panic_ratio > 1.0:
            raise refused("panic_ratio", params.panic_ratio, "a number above 1")
        self.target, self.panic_ratio = params.target_utilization_ratio, params.panic_ratio
        self.stable_window_s = params.stable_window_s
        self._stable, self._panic = WindowMean(params.stable_window_s), WindowMean(params.panic_window_s)
        self._panicked_at: float | None = None  # the last sample that was a reason to panic
        self._floor = 0  # most that was wanted in this panic
        self._wish = NO_METRIC

    @property
    def panicking(self) -> bool:
        """Whether only scale-outs are allowed."""
        return self._panicked_at is not None

    def observe(self, sample: FleetSample) -> None:
        """Average the concurrency in and work out the wish."""
        if not usable(sample.in_flight, sample.waiting, sample.nodes_ready) or sample.agents_per_node < 1:
            self._wish = NO_METRIC
            return
        concurrency = float(sample.in_flight) + float(sample.waiting)
        self._stable.add(sample.at, concurrency)
        self._panic.add(sample.at, concurrency)
        self._wish = with_pending(self._decide(sample), sample)

    def desired(self, sample: FleetSample) -> Wish:
        """The wish of the sample that was observed last."""
        return self._wish

    def _decide(self, sample: FleetSample) -> Wish:
        target = self.target * sample.agents_per_node
        ready = max(sample.nodes_ready, 1)
        stable, panic = nodes_for(self._stable.mean() / target), nodes_for(self._panic.mean() / target)
        if panic / ready >= self.panic_ratio:
            self._panicked_at = sample.at
        elif self._panicked_at is not None and sample.at - self._panicked_at > self.stable_window_s:
            self._panicked_at, self._floor = None, 0
        lower, upper = int(sample.nodes_ready / DOWN_RATIO_MAX), nodes_for(ready * UP_RATIO_MAX)
        stable, panic = (min(max(wish, lower), upper) for wish in (stable, panic))
        if self._panicked_at is None:
            return Wish(stable, f"concurrency {self._stable.mean():.1f} in the stable window, {target:g} a node")
        self._floor = max(self._floor, sample.nodes_desired, stable, panic)
        return Wish(self._floor, f"panic: concurrency {self._panic.mean():.1f} in the panic window, {target:g} a node")
