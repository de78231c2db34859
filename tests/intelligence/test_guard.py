"""After a promotion: the first window that breaks a guardrail brings the former setting back, in that very interval."""

from __future__ import annotations

from dataclasses import replace

from sim import MLOptimizer
from sim.intelligence.protocol import Guardrail
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from tests.intelligence.rig import START, Setter, draws, sample_of


def test_every_breach_after_a_promotion_is_undone_at_once() -> None:
    for errors in (0.12, 0.3, 1.0):
        runtime, setter, events = VirtualRuntime(wall_epoch_s=1e6), Setter(), EventLog()
        guardrails = (Guardrail("error_rate", maximum=0.05),)
        optimizer = MLOptimizer(runtime=runtime, events=events, guardrails=guardrails, actuator=setter)
        sample = sample_of(0, START, draws(), 1e6)
        assert runtime.run_task(optimizer.collect_metrics(sample))
        mind = optimizer.mind("agent-1")
        mind.former = dict(mind.standing)
        mind.apply({"temperature": 0.4})
        assert runtime.run_task(optimizer.collect_metrics(replace(sample, timestamp=1e6 + 1.0)))
        assert setter.calls == []  # .05 is at the bound
        assert runtime.run_task(optimizer.collect_metrics(replace(sample, timestamp=1e6 + 2.0, error_rate=errors)))
        assert setter.calls == [("agent-1", START)]
        assert mind.standing == START
        assert events.rows[-1].kind == "rolled_back"
        runtime.run_task(optimizer.collect_metrics(replace(sample, timestamp=1e6 + 3.0, error_rate=errors)))
        assert len(setter.calls) == 1  # there is nothing older to go back to
