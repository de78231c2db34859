"""What stands beside the fleet: P1 and P5 of hooks on the way of requests, O1 of what the optimizer sets.

Hooks are counted here as they are asked, and held against what the plugin manager counts at the end; the virtual time
that a hook may cost is at most its timeout. A setting is looked at when it goes to the agents, on trial or to stand,
against the box of the space it is drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sim.bench.storm.findings import Findings

EDGE_S = 1e-9
GUARD = "security.request_guard"


class HooksWatch:
    """`tap` the plugins of an assembly before it runs; `judge` the record's counts."""

    def __init__(self, findings: Findings, now: Callable[[], float]) -> None:
        self.findings, self.now = findings, now
        self.arrived: dict[int, None] = {}
        self.ended: dict[int, None] = {}

    def tap(self, plugged: Any) -> None:
        """Stand before its hooks."""
        arrived, ended = plugged.arrived, plugged.ended
        most_s = 2.0 * plugged.hooks.timeout_s  # of before_request, and of before_route

        def asked(row: int, key: int, now: float) -> tuple[int | None, float]:
            request = plugged.world.columns.request[row]
            name = f"request {request}"
            self.findings.hold("P5", request not in self.arrived, now, name, lambda: "its hooks are asked twice")
            self.arrived[request] = None
            status, delay_s = arrived(row, key, now)
            fine = 0.0 <= delay_s <= most_s + EDGE_S
            self.findings.hold("P1", fine, now, name, lambda: f"hooks cost {delay_s:g} s, {most_s:g} s at most")
            if status is not None:
                self.findings.seen("a request that a plugin turns away")
            if delay_s >= plugged.hooks.timeout_s:
                self.findings.seen("a plugin that is too late")
            return status, delay_s

        def told(row: int, status: int, now: float) -> None:
            request = plugged.world.columns.request[row]
            name = f"request {request}"
            self.findings.hold("P5", request not in self.ended, now, name, lambda: "hooks hear of its end twice")
            self.ended[request] = None
            ended(row, status, now)

        plugged.arrived, plugged.ended = asked, told

    def judge(self, counts: dict[str, int], at: float) -> None:
        """The guard, which has one hook, was called once a request; one that failed may have been off for a while."""
        if f"plugin_calls_{GUARD}" not in counts:
            return
        calls, failures = counts[f"plugin_calls_{GUARD}"], counts[f"plugin_failures_{GUARD}"]
        mine = len(self.arrived)
        fine = failures <= calls <= mine if failures else calls == mine
        text = f"{calls} calls, {failures} of them failed, {mine} requests by own count"
        self.findings.hold("P5", fine, at, GUARD, lambda: text)


class TuningWatch:
    """`tap` what carries an optimizer's settings to the agents."""

    def __init__(self, findings: Findings, now: Callable[[], float]) -> None:
        self.findings, self.now = findings, now

    def tap(self, tuned: Any) -> None:
        """Stand before the settings of every window, and those that stay."""
        tuning = tuned.tuning
        space, next_window = tuning.surface.space, tuning.next_window

        def begun(trial: Any) -> int:
            for arm, point in (("standing", tuning.standing), ("trial", trial)):
                if point is None:
                    continue
                bounds = zip(point, space.low, space.high, strict=True)
                fine = all(math.isfinite(value) and low <= value <= high for value, low, high in bounds)
                text = f"{point} is not within {space.low} and {space.high}"
                self.findings.hold("O1", fine, self.now(), arm, lambda t=text: t)  # type: ignore[misc]
            if trial is not None:
                self.findings.seen("a setting on trial")
            number: int = next_window(trial)
            return number

        tuning.next_window = begun
