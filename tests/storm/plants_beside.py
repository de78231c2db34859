"""Planted defects of plugins and of the optimizer, likewise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.bench.tuned_subject import TunedSubject
from sim.integration.plugins.dispatch import Dispatcher
from tests.storm.plants import Patch


def latencies_have_no_bound(patch: Patch) -> None:
    def delay_s(self: Dispatcher, hook: str, entity: int) -> float:
        return sum(3.0 * self.timeout_s for _ in self.tables[hook])

    patch.setattr(Dispatcher, "delay_s", delay_s)


def some_requests_are_not_asked_about(patch: Patch) -> None:
    call_now = Dispatcher.call_now

    def called(self: Dispatcher, hook: str, payload: dict[str, Any], entity: int | None = None) -> Any:
        if hook == "before_request" and payload["request"] % 7 == 3:
            return None
        return call_now(self, hook, payload, entity)

    patch.setattr(Dispatcher, "call_now", called)


def settings_leave_their_box(patch: Patch) -> None:
    point = TunedSubject.point

    def loose(self: TunedSubject, params: Mapping[str, float]) -> Any:
        return tuple(10.0 * value for value in point(self, params))

    patch.setattr(TunedSubject, "point", loose)
