"""Error budget: the share of requests that may be bad is 1 - objective; the burn rate is how fast it is used up.

burn = (bad / all) / (1 - objective), over a short and a long window; an alert needs both above `burn_max` (multiwindow,
multi-burn-rate alerts: Beyer et al., The Site Reliability Workbook, 2018, ch. 5). Windows slide by a 1/30 of the short
one. Seconds of the runtime's clock.
"""

from __future__ import annotations

from collections import deque
from typing import Any

STEPS = 30  # of the short window


class Plugin:
    """`alerts` are the instants at which both windows began to burn too fast."""

    def __init__(self, context: Any) -> None:
        settings = context.settings
        self.context = context
        self.budget_ratio: float = 1.0 - settings["objective_ratio"]
        self.sojourn_max_s: float = settings["sojourn_max_s"]
        self.short_s, self.long_s = settings["short_s"], max(settings["long_s"], settings["short_s"])
        self.burn_max: float = settings["burn_max"]
        self.step_s: float = self.short_s / STEPS
        self.steps: deque[list[float]] = deque(maxlen=int(self.long_s / self.step_s) + 1)  # [began_at, all, bad]
        self.burning = False
        self.alerts: deque[float] = deque(maxlen=1_000)
        if hasattr(context, "provide"):
            context.provide("route", "slo_budget", self.told)

    def after_response(self, payload: dict[str, Any]) -> None:
        """Count a request."""
        now = self.context.at
        if not self.steps or now - self.steps[-1][0] >= self.step_s:
            self.steps.append([now - now % self.step_s, 0, 0])
        step = self.steps[-1]
        step[1] += 1
        step[2] += payload["status"] != "ok" or payload["sojourn_s"] > self.sojourn_max_s

    def metrics_collected(self, payload: dict[str, Any]) -> None:
        """Look at the burn rates; an alert begins once."""
        short, long = self.burn(self.short_s), self.burn(self.long_s)
        burning = min(short, long) > self.burn_max
        if burning and not self.burning:
            self.alerts.append(self.context.at)
            tell = getattr(self.context, "log", print)
            tell(f"{self.context.at:.3f} s: the error budget burns {short:.1f} and {long:.1f} times too fast")
        self.burning = burning

    def burn(self, window_s: float) -> float:
        """Burn rate of the last `window_s`; 0 without requests."""
        since = self.context.at - window_s
        seen = [step for step in self.steps if step[0] >= since]
        count = sum(step[1] for step in seen)
        return sum(step[2] for step in seen) / count / self.budget_ratio if count else 0.0

    def told(self, request: Any = None) -> dict[str, float]:
        """For the route: burn rates, and how many alerts there were."""
        return {"short": self.burn(self.short_s), "long": self.burn(self.long_s), "alerts_count": len(self.alerts)}
