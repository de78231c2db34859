"""When faults strike: instants, order, later nodes, nodes that leave, and what does not depend on what."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim.runtime.draws import FAULT_DOWN, FAULT_UP, CounterDraws
from sim.world.faults import schedule
from sim.world.faults.schedule import KINDS
from tests.world.faults.fake import Rig


def up_s(index: int, serial: int, occurrence: int, mean_s: float, purpose: int = FAULT_UP) -> float:
    """A duration straight from the definition of its entity."""
    entity = index * 2**56 + serial * 2**24 + occurrence
    return -math.log(CounterDraws(1, 0).uniform(purpose, entity)) * mean_s


def test_the_instants_are_those_of_their_draws() -> None:
    rig = Rig(nodes=2).add("pause", mttf_s=100.0, mttr_s=10.0).run(2000.0)
    index = KINDS.index("pause")
    for serial in range(2):
        at, expected = 0.0, []
        for occurrence in range(3):
            at += up_s(index, serial, occurrence, 100.0)
            expected.append((at, "pause"))
            at += up_s(index, serial, occurrence, 10.0, FAULT_DOWN)
            expected.append((at, "resume"))
        mine = [(at, name) for at, name, node, _ in rig.calls() if node == f"node-{serial}"]
        assert mine[:6] == expected


def test_a_deterministic_repair_takes_its_mean() -> None:
    rig = Rig(nodes=1).add("pause", mttf_s=100.0, mttr_s=10.0, repair="deterministic").run(2000.0)
    instants = [at for at, *_ in rig.calls()]
    assert len(instants) > 10
    assert all(back == down + 10.0 for down, back in zip(instants[::2], instants[1::2], strict=False))


def test_the_kinds_of_a_fault_have_fixed_indices() -> None:
    assert KINDS == (
        "crash", "slow", "pause", "partition", "packet_loss", "zone_outage", "flapping", "clock_skew", "errors",
        "poison_request", "overload", "preemption",
    )  # fmt: skip


def test_another_kind_moves_nothing() -> None:
    def crashes(rig: Rig) -> list[Any]:
        return [(row.at, row.subject) for row in rig.log.rows if dict(row.fields)["kind"] == "crash"]

    plain = Rig().add("crash", mttf_s=50.0, mttr_s=20.0).run(5000.0)
    mixed = Rig().add("slow", mttf_s=70.0).add("zone_outage", mttf_s=90.0).add("preemption", mttf_s=30.0)
    mixed.add("crash", mttf_s=50.0, mttr_s=20.0).run(5000.0)
    assert len(crashes(plain)) > 200
    assert crashes(plain) == crashes(mixed)


def test_two_faults_of_a_kind_have_instants_of_their_own() -> None:
    alone = Rig(nodes=1).add("slow", mttf_s=50.0, factor=0.5).run(5000.0)
    rig = Rig(nodes=1).add("slow", mttf_s=50.0, factor=0.5).add("slow", mttf_s=50.0, factor=0.2).run(5000.0)
    mine = set(alone.events("fault_began"))
    assert mine < set(rig.events("fault_began"))
    assert len(rig.events("fault_began")) > 1.5 * len(mine)


def test_later_nodes_count_from_their_birth_and_move_nothing() -> None:
    before = Rig(nodes=1).add("pause", mttf_s=100.0).run(2000.0)
    rig = Rig(nodes=1).add("pause", mttf_s=100.0)
    rig.at(500.0, rig.target.born, "late").run(2000.0)
    late = [at for at, _, node, _ in rig.calls("pause") if node == "late"]
    assert late[0] == 500.0 + up_s(KINDS.index("pause"), 1, 0, 100.0)
    assert [call for call in rig.calls() if call[2] == "node-0"] == before.calls()


def test_a_schedule_strikes_a_later_node_only_from_then_on() -> None:
    rig = Rig(nodes=1).add("pause", at_s=(30.0, 10.0), for_s=5.0)
    rig.at(20.0, rig.target.born, "late").run(99.0)
    assert [(at, node) for at, _, node, _ in rig.calls("pause")] == [(10.0, "node-0"), (30.0, "node-0"), (30.0, "late")]


def test_only_the_chosen_nodes() -> None:
    rig = Rig(nodes=4).add("pause", mttf_s=10.0, mttr_s=1.0, nodes=(1, 3))
    rig.at(50.0, rig.target.gone, "node-2").run(200.0)
    assert {node for _, _, node, _ in rig.calls()} == {"node-1", "node-3"}


@pytest.mark.parametrize("leaves_at", [12.0, 5.0])
def test_a_node_that_leaves_ends_its_processes(leaves_at: float) -> None:
    rig = Rig(nodes=2).add("crash", at_s=(10.0, 20.0), for_s=5.0).add("partition", at_s=(11.0,), for_s=50.0)
    rig.add("flapping", at_s=(10.0,), for_s=50.0, silent_s=1.0, sound_s=1.0).add("slow", mttf_s=3.0, mttr_s=3.0)
    rig.add("preemption", at_s=(11.5,), for_s=50.0, notice_s=1.0).at(leaves_at, lambda: rig.target.gone("node-0"))
    rig.run(100.0)
    assert all(at <= leaves_at for at, _, node, _ in rig.calls() if node == "node-0")
    ended = [row for row in rig.log.rows if row.kind == "fault_ended" and row.subject == "node-0"]
    gone = {dict(row.fields)["kind"] for row in ended if dict(row.fields)["reason"] == "gone"} - {"slow"}
    assert gone == ({"crash", "partition", "flapping", "preemption"} if leaves_at == 12.0 else set())
    assert rig.injector.active("node-0") == ()
    assert rig.network.plain  # the other one is connected again, the block of the one that left is forgotten
    rig.target.births["stranger"] = 9
    rig.target.zones["stranger"] = "zone-1"
    rig.target.gone("stranger")  # one the injector never heard of


def test_a_node_that_is_removed_by_its_own_crash() -> None:
    rig = Rig(nodes=1).add("crash", at_s=(10.0, 20.0), for_s=5.0)
    rig.target.hurt = rig.target.gone
    rig.run(100.0)
    assert [(at, name) for at, name, *_ in rig.calls()] == [(10.0, "crash")]
    assert rig.events("fault_ended") == [(10.0, "node-0")]


def test_a_fault_never_overlaps_itself_and_skips_are_counted() -> None:
    rig = Rig(nodes=1).add("pause", at_s=(10.0, 12.0, 15.0), for_s=5.0).run(100.0)
    assert [(at, name) for at, name, *_ in rig.calls()] == [
        (10.0, "pause"), (15.0, "resume"), (15.0, "pause"), (20.0, "resume"),
    ]  # fmt: skip
    assert rig.injector.skipped == {"pause": 1}
    assert rig.injector.counts == {"pause": 2}


def test_a_random_episode_that_is_skipped_moves_no_later_one() -> None:
    free = Rig(nodes=1).add("pause", mttf_s=20.0, mttr_s=10.0).run(1000.0)
    at = free.calls("resume")[0][0] + 0.001  # it is up
    mixed = Rig(nodes=1).add("pause", mttf_s=20.0, mttr_s=10.0, at_s=(at,), for_s=300.0).run(1000.0)
    assert mixed.injector.skipped["pause"] > 3
    later = [call for call in free.calls("pause") if call[0] > at + 300.0]
    assert len(later) > 5
    assert [call for call in mixed.calls("pause") if call[0] > at + 300.0] == later


def test_equal_instants_come_in_the_order_of_kind_and_birth() -> None:
    def events(*kinds: str) -> list[tuple[str, str, str]]:
        rig = Rig(nodes=3)
        for kind in kinds:
            rig.add(kind, at_s=(10.0, 20.0), for_s=10.0)
        rig.run(25.0)
        return [(row.kind, row.subject, str(dict(row.fields)["kind"])) for row in rig.log.rows]

    first = events("crash", "pause", "slow")
    assert first == events("slow", "pause", "crash")
    assert [kind for what, _, kind in first[:9] if what == "fault_began"] == ["crash"] * 3 + ["slow"] * 3 + [
        "pause"
    ] * 3
    assert [subject for _, subject, _ in first[:3]] == ["node-0", "node-1", "node-2"]
    again = [what for what, subject, kind in first if (subject, kind) == ("node-1", "slow")]
    assert again == ["fault_began", "fault_ended", "fault_began"]  # the end before the next beginning


def test_a_place_fails_no_more_than_its_counter_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "OCCURRENCES_MAX", 3)
    rig = Rig(nodes=1).add("pause", mttf_s=1.0, mttr_s=1.0).run(1000.0)
    assert rig.injector.counts == {"pause": 3}


def test_occurrences_count_up_per_kind_and_node() -> None:
    rig = Rig(nodes=2).add("pause", mttf_s=10.0, mttr_s=1.0).add("pause", at_s=(5.0,), for_s=1.0).run(100.0)
    for node in ("node-0", "node-1"):
        began = [dict(r.fields)["occurrence"] for r in rig.log.rows if r.kind == "fault_began" and r.subject == node]
        assert began == list(range(len(began)))
