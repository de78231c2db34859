"""`optimizer.unit=agent`: every agent has a setting and samples of its own; a proof on one leaves the others alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import Assembly, assemble
from sim.bench.compose import Composed, compose
from sim.bench.tuned_samples import variances_of
from sim.intelligence.loop import prove
from sim.runtime.draws import CounterDraws
from sim.types.metrics import OptimizationResult, OptimizationTarget
from sim.types.records import RunRecord
from sim.world.surfaces import seated
from sim.world.surfaces.seated import Seats
from sim.world.surfaces.surface import Surface
from sim.world.surfaces.windows import STANDING, TRIAL

SHARED: Composed = {}
FLEET = [
    "service=agent", "fleet.nodes=2", "fleet.agents_per_node=2", "fleet.speeds=[10]", "arrivals.rate_per_s=0.55",
    "horizon_s=1500", "drain_s=300", "optimizer=default", "optimizer.unit=agent", "optimizer.window_s=60",
    "optimizer.window_requests_min=3", "seed=5",
]  # fmt: skip


def _assembly(*words: str) -> Assembly:
    return assemble(compose([*FLEET, *words], composed=SHARED), 0)


@pytest.fixture(scope="module")
def tuned() -> tuple[Assembly, RunRecord]:
    assembly = _assembly()
    return assembly, assembly.run()


def test_every_agent_has_samples_of_its_own_under_both_arms(tuned: tuple[Assembly, RunRecord]) -> None:
    assembly, record = tuned
    samples = assembly.tuned.optimizer.store.samples()
    by_agent = Counter((each.agent_id, each.arm) for each in samples)
    agents = list(assembly.tuned.subjects)
    assert len(agents) == 4
    for agent_id in agents:
        assert by_agent[agent_id, "explore"] >= 10
        assert by_agent[agent_id, "incumbent"] >= 10
    settings = {tuple(each.model_parameters.values()) for each in samples if each.arm == "explore"}
    assert len(settings) == sum(count for (_, arm), count in by_agent.items() if arm == "explore")
    told = sum(each.interaction_count for each in samples)
    answered = int((record.attempts.status == 0).sum())
    assert 0.6 * answered < told <= answered  # no answer is told twice; short windows and the last two are not told


def test_the_same_seed_gives_the_same_bytes(tuned: tuple[Assembly, RunRecord]) -> None:
    assert _assembly().run().digest == tuned[1].digest


def test_a_short_window_without_a_success_does_not_make_the_rate_certain() -> None:
    row = dict.fromkeys(("response_time", "success_rate", "resource_usage", "user_satisfaction",
                         "task_completion_rate", "error_rate"), 0.0)  # fmt: skip
    found = variances_of([row] * 3)
    assert found["success_rate"] == pytest.approx(2 / 7 * 5 / 7)
    assert found["response_time"] == 0.0
    assert variances_of([row] * 20)["success_rate"] == 0.0


def test_arms_take_turns_and_the_free_agent_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    seats = Seats(Surface("fleet"), CounterDraws(1, 0), lambda node: ["a", "b"])
    tuning = seats.tuning("a")
    arms = []
    tuning.next_window((0.2, 400.0, 4_096.0, 2.0))
    for _ in range(4):
        arms.append(tuning.arm_of(seats.turn("a")))
    assert arms == [TRIAL, STANDING, TRIAL, STANDING]
    tuning.next_window(None)
    assert [tuning.arm_of(seats.turn("a")) for _ in range(2)] == [STANDING, STANDING]
    monkeypatch.setattr(seated, "AGENTS_MAX", 2)
    seats.tuning("b")
    assert seats.tuning("c") is seats.tuning("b")  # the bound
    assert len(seats.tunings) == 2


def test_a_proof_changes_its_agent_alone() -> None:
    assembly = _assembly("horizon_s=2500", "optimizer.guard_success_rate_min=0.2")
    found: list[Any] = []

    async def operator() -> None:
        optimizer, runtime = assembly.tuned.optimizer, assembly.runtime
        while len(assembly.tuned.subjects) < 4:
            await runtime.sleep(10.0)
        await runtime.sleep(300.0)
        agent_id = list(assembly.tuned.subjects)[1]
        standing = optimizer.mind(agent_id).standing
        short = {**standing, "max_tokens": 1_000.0}  # half of the tokens: quicker answers
        claim = OptimizationResult(agent_id, OptimizationTarget.RESPONSE_TIME, short, 30.0, 10.0, 50.0, 0.9, "")
        found.append((agent_id, await prove(optimizer, claim)))

    assembly.runtime.spawn(operator(), "operator")
    assembly.run()
    [(agent_id, result)] = found
    assert result.is_applied
    assert result.improvement_percentage > 10.0
    for name, subject in assembly.tuned.subjects.items():
        tokens = subject.tuning.standing[1]
        assert tokens == (1_000.0 if name == agent_id else 2_000.0)
    before = np.mean([each.response_time for each in assembly.tuned.optimizer.store.samples()
                      if each.agent_id == agent_id and each.arm == "incumbent"
                      and each.model_parameters["max_tokens"] == 2_000.0])  # fmt: skip
    after = np.mean([each.response_time for each in assembly.tuned.optimizer.store.samples()
                     if each.agent_id == agent_id and each.arm == "incumbent"
                     and each.model_parameters["max_tokens"] == 1_000.0])  # fmt: skip
    assert after < 0.9 * before
