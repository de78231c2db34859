"""The autoscaler: M8 and M9, from its own events."""

from __future__ import annotations

import math

from sim.bench.schema import Config
from sim.bench.storm.findings import Findings
from sim.runtime.events import Row

FLEET = "fleet"
EDGE = 1e-9  # two ticks are as far apart as the window, but for rounding


class Scaling:
    """`first` is what it found at its start; hpa alone promises M9."""

    def __init__(self, findings: Findings, config: Config) -> None:
        self.findings, self.params = findings, config.autoscaler
        self.desired = min(max(config.fleet.nodes, self.params.min_nodes), self.params.max_nodes)
        self._out_at = -math.inf

    def read(self, row: Row) -> None:
        """A decision."""
        if row.kind not in ("scale_out", "scale_in", "scale_held") or row.subject != FLEET:
            return
        params, hold, before = self.params, self.findings.hold, self.desired
        told = dict(row.fields)
        after = self.desired = told["desired"]
        hold("M8", params.min_nodes <= after <= params.max_nodes, row.at, FLEET,
             lambda: f"{after} nodes are wanted, {params.min_nodes} to {params.max_nodes} are allowed")  # fmt: skip
        step_out = max(params.step_out_nodes_max, int(before * params.step_out_ratio_max))
        fine = before - params.step_in_nodes_max <= after <= before + step_out
        text = f"from {before} to {after} nodes: at most {step_out} more, {params.step_in_nodes_max} fewer"
        hold("M8", fine, row.at, FLEET, lambda: text)
        if after > before:
            self._out_at = row.at
            self.findings.seen("a scale-out")
        elif after < before:
            self.findings.seen("a scale-in")
            if params.kind == "hpa":
                since_s = row.at - self._out_at
                late = since_s >= params.stabilization_window_s * (1.0 - EDGE)
                hold("M9", late, row.at, FLEET, lambda: f"a scale-in {since_s:g} s after a scale-out")
