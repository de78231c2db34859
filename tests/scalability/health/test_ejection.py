"""Outlier ejection: at once by failures in a row, at a sweep by success rates, capped, for growing and fading times."""

from __future__ import annotations

import statistics

import pytest

from sim.runtime.draws import JITTER
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.params import EjectionParams
from tests.scalability.health.rig import DRAWS, Stage


def made(nodes: int, **keys: object) -> tuple[Stage, Ejection]:
    """An ejection over nodes n0, n1, ... of one slot each, its loop running from 0."""
    stage = Stage(nodes)
    params = EjectionParams(enabled=True, **keys)  # type: ignore[arg-type]
    ejection = Ejection(params, 64, stage.eligible, stage.runtime, stage.log, DRAWS)
    for node in range(nodes):
        ejection.slot_added(node, f"n{node}", "agent")
    stage.runtime.spawn(ejection.run(), "ejection")
    return stage, ejection


def fail(stage: Stage, ejection: Ejection, slot: int, count: int = 5) -> None:
    for _ in range(count):
        ejection.failed(slot, stage.runtime.now())


def out(stage: Stage) -> list[float]:
    """For how long each ejection was."""
    return [float(dict(row.fields)["for_s"]) for row in stage.log.rows if row.kind == "node_ejected"]


def test_failures_in_a_row_eject_at_that_instant_and_an_answer_breaks_the_row() -> None:
    stage, ejection = made(10)
    stage.pass_time(3.5)
    fail(stage, ejection, 4, 4)
    ejection.ok(4, 3.5)
    fail(stage, ejection, 4, 4)
    assert len(stage.used()) == 10
    ejection.failed(4, 3.5)
    assert "n4" not in stage.used()
    assert stage.events() == [(3.5, "node_ejected", "n4", "5 failures in a row (failures_max)")]
    assert out(stage) == [30.0]
    assert ejection.ejections_count == 1
    assert stage.eligible.excluded("n4") == {"ejection": "5 failures in a row (failures_max)"}


def test_it_is_taken_back_at_the_first_sweep_after_its_time() -> None:
    stage, ejection = made(10)
    stage.pass_time(3.5)
    fail(stage, ejection, 4)
    fail(stage, ejection, 4)  # late answers of what it already had
    stage.pass_time(40.0)
    assert "n4" not in stage.used()
    stage.pass_time(41.0)
    assert "n4" in stage.used()
    assert stage.events()[1:] == [(40.0, "node_readmitted", "n4", "its time is over")]
    fail(stage, ejection, 4, 4)
    assert "n4" in stage.used()  # its row of failures began anew


def test_time_out_grows_with_each_ejection_up_to_max_s_and_fades_a_sweep_at_a_time() -> None:
    stage, ejection = made(10, base_s=30.0, max_s=70.0, interval_s=10.0)
    at = 1.0
    for _ in range(4):
        stage.pass_time(at)
        fail(stage, ejection, 0)
        while "n0" not in stage.used():
            at += 10.0
            stage.pass_time(at)
    assert out(stage) == [30.0, 60.0, 70.0, 70.0]
    stage.pass_time(at + 30.0)  # 3 sweeps without an ejection: 4 -> 1
    fail(stage, ejection, 0)
    assert out(stage)[-1] == 60.0


def test_at_most_a_share_is_out_and_one_may_always_be() -> None:
    stage, ejection = made(10, ejected_max_ratio=0.2)
    stage.pass_time(1.0)
    for slot in range(4):
        fail(stage, ejection, slot, 20)
    assert stage.used() == [f"n{node}" for node in range(2, 10)]
    held = [(1.0, "ejection_held", f"n{node}", "5 failures in a row (failures_max); 2 are out, the most at once")
            for node in (2, 3)]  # fmt: skip
    assert stage.events("ejection_held") == held
    stage.pass_time(11.0)
    fail(stage, ejection, 3)
    assert len(stage.events("ejection_held")) == 3  # one a node and interval
    lonely, ejection = made(3, ejected_max_ratio=0.0)
    lonely.pass_time(1.0)
    for slot in range(3):
        fail(lonely, ejection, slot)
    assert lonely.used() == ["n1", "n2"]


def test_the_share_is_of_the_nodes_in_service() -> None:
    stage, ejection = made(20, ejected_max_ratio=0.1)
    for node in range(10, 20):
        stage.eligible.set_eligible(f"n{node}", False)
    for slot in range(3):
        fail(stage, ejection, slot)
    assert len(ejection.ejected) == 1


def test_success_rates_eject_at_a_sweep_who_is_below_the_fleet() -> None:
    stage, ejection = made(10, success_requests_min=100, failures_max=1000, ejected_max_ratio=0.5)
    rates = [0.99, 0.98, 0.99, 0.97, 0.5, 0.99, 0.98, 0.99, 0.99, 0.2]
    stage.pass_time(1.0)
    for slot, rate in enumerate(rates):
        count = 99 if slot == 9 else 100  # too few to judge
        for number in range(count):
            (ejection.ok if number < rate * count else ejection.failed)(slot, 1.0)
    stage.pass_time(9.0)
    assert len(stage.used()) == 10
    stage.pass_time(11.0)
    assert "n4" not in stage.used()
    judged = rates[:9]
    bound = statistics.mean(judged) - 1.9 * statistics.pstdev(judged)
    reason = f"success ratio 0.5 of its requests, below {bound:.4g} of the fleet"
    assert stage.events() == [(10.0, "node_ejected", "n4", reason)]
    stage.pass_time(21.0)
    assert len(stage.events()) == 1  # the next interval has seen nothing yet


def test_success_rates_need_enough_nodes_and_judge_nobody_where_all_are_alike() -> None:
    for nodes, rates in ((4, [1.0, 1.0, 1.0, 0.1]), (5, [0.9] * 5)):
        stage, ejection = made(nodes, failures_max=1000)
        stage.pass_time(1.0)
        for slot, rate in enumerate(rates):
            for number in range(100):
                (ejection.ok if number < rate * 100 else ejection.failed)(slot, 1.0)
        stage.pass_time(11.0)
        assert stage.events() == [], rates


def test_a_passed_check_takes_back_at_once() -> None:
    stage, ejection = made(10)
    stage.pass_time(2.0)
    ejection.check_passed("n3", 2.0)
    ejection.check_passed("stranger", 2.0)
    fail(stage, ejection, 3)
    ejection.check_passed("n3", 2.0)
    assert len(stage.used()) == 10
    assert stage.events()[-1] == (2.0, "node_readmitted", "n3", "an active check passed")


def test_jitter_is_drawn_by_node_and_ejection() -> None:
    stage, ejection = made(10, jitter_s=7.0, ejected_max_ratio=0.5)
    stage.pass_time(1.0)
    for slot in (4, 6):
        fail(stage, ejection, slot)
    expected = [30.0 + 7.0 * DRAWS.uniform(JITTER, node << 24 | 1) for node in (4, 6)]
    assert out(stage) == pytest.approx(expected)


def test_slots_of_one_node_count_together() -> None:
    stage, ejection = made(10)
    ejection.slot_added(20, "n5", "code")
    fail(stage, ejection, 5, 3)
    fail(stage, ejection, 20, 2)
    assert "n5" not in stage.used()


def test_who_left_is_forgotten_and_its_place_starts_from_nothing() -> None:
    stage, ejection = made(10)
    fail(stage, ejection, 2)
    fail(stage, ejection, 3, 4)
    stage.eligible.node_left("n2")
    assert ejection.ejected == {}
    stage.eligible.node_left("n3")
    fail(stage, ejection, 3, 5)  # what it still had
    stage.eligible.node_joined("new", 1.0)
    ejection.slot_added(2, "new", "agent")
    stage.eligible.node_joined("newer", 1.0)
    ejection.slot_added(3, "newer", "agent")
    fail(stage, ejection, 2, 4)
    fail(stage, ejection, 3, 4)
    assert {"new", "newer"} <= set(stage.used())
    ejection.failed(2, 0.0)
    assert "new" not in stage.used()
    assert out(stage) == [30.0, 30.0]
    stage.eligible.node_left("n9")
    stage.eligible.node_joined("no-slot", 1.0)
    stage.eligible.node_left("no-slot")


def test_who_drops_its_attempts_on_leaving_is_not_ejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no member any more when they fail, and nobody of health has heard yet; the jitter needs its birth."""
    stage, ejection = made(10, jitter_s=1.0)
    gone = stage.heard.node_left

    def drops(node_id: str) -> None:
        fail(stage, ejection, 4)
        gone(node_id)

    monkeypatch.setattr(stage.heard, "node_left", drops)
    stage.eligible.node_left("n4")
    assert ejection.ejections_count == 0
    assert stage.events("node_ejected") == []
    stage.eligible.node_joined("n4", 1.0)
    ejection.slot_added(4, "n4", "agent")
    fail(stage, ejection, 4, 4)
    assert ejection.ejections_count == 0  # the streak went with it
    ejection.failed(4, 0.0)
    assert ejection.ejections_count == 1
