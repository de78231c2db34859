"""Several faults at one node: each ends only its own."""

from __future__ import annotations

from tests.world.faults.fake import Rig


def one(at: float, for_s: float, **values: object) -> dict[str, object]:
    return {"at_s": (at,), "for_s": for_s, "nodes": (0,), **values}


def test_a_crash_within_a_zone_outage_is_one_time_down() -> None:
    rig = Rig(nodes=1).add("crash", **one(12.0, 2.0)).add("zone_outage", at_s=(10.0,), for_s=10.0).run(100.0)
    assert [(at, name) for at, name, *_ in rig.calls()] == [(10.0, "crash"), (20.0, "restore")]
    assert rig.injector.counts == {"zone_outage": 1, "crash": 1}


def test_a_zone_outage_that_ends_within_a_crash_leaves_the_node_down() -> None:
    rig = Rig(nodes=1).add("crash", **one(12.0, 20.0)).add("zone_outage", at_s=(10.0,), for_s=10.0).run(100.0)
    assert [(at, name) for at, name, *_ in rig.calls()] == [(10.0, "crash"), (32.0, "restore")]


def test_a_node_that_is_down_can_still_lose_its_state_once() -> None:
    rig = Rig(nodes=1).add("zone_outage", at_s=(10.0,), for_s=50.0)
    rig.add("preemption", **one(15.0, 5.0, notice_s=1.0)).add("crash", **one(17.0, 1.0, state="lose")).run(100.0)
    crashes = [(at, args) for at, _, _, args in rig.calls("crash")]
    assert crashes == [(10.0, (False, True)), (16.0, (False, False))]
    assert [at for at, *_ in rig.calls("restore")] == [60.0]


def test_slow_faults_multiply_and_leave_exactly_one() -> None:
    rig = Rig(nodes=1).add("slow", **one(10.0, 10.0, factor=0.1)).add("slow", **one(15.0, 10.0, factor=0.3)).run(100.0)
    assert [(at, args[0]) for at, _, _, args in rig.calls()] == [
        (10.0, 0.1),
        (15.0, 0.1 * 0.3),
        (20.0, 0.3),
        (25.0, 1.0),
    ]


def test_of_several_error_shares_the_highest_holds() -> None:
    rig = Rig(nodes=1).add("errors", **one(10.0, 10.0, prob=0.5)).add("errors", **one(15.0, 10.0, prob=0.2)).run(100.0)
    assert [(at, args[0]) for at, _, _, args in rig.calls()] == [(10.0, 0.5), (15.0, 0.5), (20.0, 0.2), (25.0, 0.0)]


def test_clock_skews_add_up() -> None:
    rig = Rig(nodes=1).add("clock_skew", **one(10.0, 10.0, offset_s=4.0))
    rig.add("clock_skew", **one(15.0, 10.0, offset_s=-1.0, drift_ratio=0.5)).run(100.0)
    skews = [args for _, _, _, args in rig.calls()]
    assert skews == [(4.0, 0.0), (3.0, 0.5), (-1.0, 0.5), (0.0, 0.0)]


def test_pauses_and_mutes_of_two_faults_are_counted() -> None:
    rig = Rig(nodes=1).add("pause", **one(10.0, 10.0)).add("pause", **one(15.0, 10.0)).run(100.0)
    assert [(at, name) for at, name, *_ in rig.calls()] == [(10.0, "pause"), (25.0, "resume")]
    steady = {"silent_s": 50.0, "sound_s": 1.0}
    rig = Rig(nodes=1).add("flapping", **one(10.0, 10.0, **steady)).add("flapping", **one(15.0, 10.0, **steady))
    rig.run(100.0)
    assert [(at, args[0]) for at, _, _, args in rig.calls()] == [(10.0, True), (25.0, False)]


def test_two_partitions_overlap() -> None:
    rig = Rig(nodes=1).add("partition", **one(10.0, 10.0, direction="to_node")).add("partition", **one(15.0, 10.0))
    seen: list[tuple[bool, bool]] = []
    for instant in (12.0, 17.0, 22.0, 27.0):
        rig.at(instant, lambda: seen.append((rig.network.blocked(0, True), rig.network.blocked(0, False))))
    rig.run(100.0)
    assert seen == [(True, False), (True, True), (True, True), (False, False)]


def test_active_names_the_kinds_in_their_fixed_order() -> None:
    rig = Rig(nodes=2).add("preemption", **one(10.0, 5.0, notice_s=10.0)).add("slow", **one(11.0, 9.0))
    rig.add("slow", **one(12.0, 1.0)).add("crash", **one(13.0, 1.0))
    seen: list[tuple[str, ...]] = []
    for instant in (9.0, 13.5, 15.0, 24.0, 26.0):
        rig.at(instant, lambda: seen.append(rig.injector.active("node-0")))
    rig.run(100.0)
    assert seen == [(), ("crash", "slow", "preemption"), ("slow", "preemption"), ("preemption",), ()]
    assert rig.injector.active("node-1") == ()


def test_everything_stops_at_once() -> None:
    rig = Rig(nodes=2).add("crash", mttf_s=1.0, mttr_s=1e6, repairers_max=1).add("zone_outage", at_s=(5.0,), for_s=1e6)
    rig.add("preemption", **one(19.0, 5.0, notice_s=10.0)).add("slow", mttf_s=1.0, mttr_s=1.0)
    rig.at(20.0, rig.injector.stop).at(30.0, rig.target.born, "node-2").run(1e5)
    assert all(at <= 20.0 for at, *_ in rig.calls())
    assert [node for at, name, node, _ in rig.calls("restore") if at == 20.0] == ["node-0", "node-1"]
    assert len(rig.events("fault_began")) == len(rig.events("fault_ended"))
    assert rig.injector.active("node-0") == ()
