"""The optimizer in a simulated fleet: it tries, proves and changes what the agents really do; off, nothing changes.

The seed is one of those that have proved a setting by then (of 21: results/optimizer/fleets.csv).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import Assembly, assemble
from sim.bench.compose import Composed, compose
from sim.errors import ConfigError
from sim.runtime.draws import CounterDraws
from sim.types.records import RunRecord
from sim.world.surfaces import tuning as tuning_module
from sim.world.surfaces.surface import Surface
from sim.world.surfaces.tuning import Tuning
from sim.world.surfaces.windows import STANDING, TRIAL, WINDOWS_MAX

SHARED: Composed = {}
FLEET = [
    "service=agent", "fleet.nodes=8", "fleet.agents_per_node=12", "arrivals.utilization_ratio=0.5",
    "horizon_s=13500", "drain_s=1000", "seed=1006",
]  # fmt: skip
TUNED = [
    "optimizer=default", "optimizer.min_data_points=20", "optimizer.optimization_interval=6000",
    "optimizer.model_retrain_interval=6000", "optimizer.optimization_targets=[user_satisfaction]",
    "optimizer.guard_success_rate_min=0.3",
]  # fmt: skip


def _run(words: list[str]) -> tuple[Assembly, RunRecord]:
    assembly = assemble(compose(words, composed=SHARED), 0)
    return assembly, assembly.run()


@pytest.fixture(scope="module")
def tuned() -> tuple[Assembly, RunRecord]:
    return _run([*FLEET, *TUNED])


def test_a_proposal_is_proved_and_then_changes_what_the_agents_do(tuned: tuple[Assembly, RunRecord]) -> None:
    assembly, record = tuned
    kinds = [row.kind for row in assembly.log.rows]
    assert kinds.index("optimization_proposed") < kinds.index("verification_started") < kinds.index("promoted")
    assert all("reason" in dict(row.fields) for row in assembly.log.rows if row.kind == "promoted")
    promoted_at = next(row.at for row in assembly.log.rows if row.kind == "promoted")
    standing = assembly.tuned.tuning.standing
    assert standing[:3] != assembly.tuned.tuning.surface.incumbent[:3]
    surface = assembly.tuned.tuning.surface
    truth = surface.means(np.array([standing, surface.incumbent]), (1e-6, 0.0))["user_satisfaction"]
    assert truth[0] > 1.05 * truth[1]  # by the truth that the optimizer never sees
    table = record.attempts
    served = (table.finished_at - table.started_at)[table.node >= assembly.tuned.tuning.canary_nodes]
    started = table.started_at[table.node >= assembly.tuned.tuning.canary_nodes]
    before, after = served[started < promoted_at], served[started > promoted_at]
    assert np.mean(after) > 1.1 * np.mean(before)  # longer answers take longer: the fleet really changed


def test_the_same_seed_gives_the_same_bytes(tuned: tuple[Assembly, RunRecord]) -> None:
    assert _run([*FLEET, *TUNED])[1].digest == tuned[1].digest


def test_none_is_as_if_there_were_no_optimizer() -> None:
    words = [*FLEET, "horizon_s=2000"]
    plain = _run(words)[1]
    assert _run([*words, "optimizer=none"])[1].digest == plain.digest
    assert "optimizer_windows" not in (plain.counts or {})


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["service=exponential"], "service.kind"),
        (["fleet.nodes=1"], "fleet.nodes"),
        (["engine=compiled"], "engine"),
        (["optimizer.optimization_targets=[speed]"], "optimization_targets"),
        (["optimizer.canary_ratio=0"], "optimizer.canary_ratio"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_time_zero(words: list[str], key: str) -> None:
    with pytest.raises(ConfigError) as error:
        assemble(compose([*FLEET, *TUNED, *words], composed=SHARED), 0)
    assert error.value.key.endswith(key)


def _tuning() -> Tuning:
    return Tuning(Surface("fleet"), CounterDraws(1001, 0), canary_nodes=2)


def test_a_request_s_work_depends_on_the_setting_of_its_node() -> None:
    tuning = _tuning()
    same = [tuning.sized(request, 0, 4) for request in range(50)]
    assert same == [tuning.sized(request, 5, 4) for request in range(50)]
    tuning.next_window((0.7, 8_192.0, 8_192.0, 24.0))
    assert (tuning.arm_of(1), tuning.arm_of(2)) == (TRIAL, STANDING)
    longer = [tuning.sized(request, 0, 4) for request in range(50)]
    assert same == [tuning.sized(request, 5, 4) for request in range(50)]
    assert all(new >= old for new, old in zip(longer, same, strict=True))
    assert sum(new > old for new, old in zip(longer, same, strict=True)) > 5  # those that were cut at 2,000 tokens
    assert tuning.sized(3, 5, 12) > tuning.sized(3, 5, 4)  # a fuller batch is slower


def test_outcomes_have_the_exact_means_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tuning = _tuning()
    point, count = tuning.standing, 20_000
    for request in range(count):
        tuning.served(request, (0, STANDING, point), 30.0)
    seen = tuning.take(0)[STANDING]
    truth: Any = tuning.surface.means(np.array([point]), tuning.context)
    for name in ("success_rate", "user_satisfaction", "task_completion_rate", "error_rate"):
        values = np.array([each[name] for each in seen])
        error = float(values.std()) / count**0.5
        assert values.mean() == pytest.approx(truth[name][0], abs=4.0 * error), name
    monkeypatch.setattr(tuning_module, "KEPT_MAX", 3)
    window = tuning.next_window(None)
    for request in range(5):
        tuning.served(request, (window, STANDING, point), 30.0)
    assert (len(tuning.take(window)[STANDING]), tuning.dropped_count) == (3, 2)
    for _ in range(20):
        tuning.next_window(None)
    assert len(tuning.kept) == WINDOWS_MAX


def test_the_agents_service_is_the_mean_over_all_tasks() -> None:
    from sim.registry import lookup
    from sim.world.params import ServiceParams

    law = lookup("service", "agent")(replace(ServiceParams(), kind="agent"))
    seconds = np.array(law.work_s(CounterDraws(1001, 0), np.arange(40_000, dtype=np.uint64), None))
    assert seconds.mean() == pytest.approx(law.mean_s(), abs=4.0 * seconds.std() / 200.0)
    assert 30.0 < law.mean_s() < 60.0
