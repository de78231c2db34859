"""Checks through the manager: when a death is found, who is checked, and what brings a node back."""

from __future__ import annotations

import statistics

import pytest

from sim.runtime.draws import CHECK
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.health.params import HealthParams
from sim.scalability.health.watch import make_watch
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeInfo, NodeStatus
from tests.scalability.health.rig import DRAWS, Heard, Mortals

INF = float("inf")


class Fleet:
    """A manager with a watch over mortal nodes n0, n1, ..., started at 0."""

    def __init__(self, nodes: int, answer_s: float = 0.0, **keys: object) -> None:
        self.runtime, self.log, self.heard = VirtualRuntime(), EventLog(), Heard()
        self.mortals = Mortals(self.runtime, answer_s)
        self.params = HealthParams(**keys)  # type: ignore[arg-type]
        self.watch = make_watch(self.params, DRAWS, self.mortals)
        self.manager = DistributedManager(
            {"auto_scaling": False, "failover_enabled": False, "max_nodes": nodes + 1},
            runtime=self.runtime,
            membership=self.heard,
            events=self.log,
            watch=self.watch,
        )
        for number in range(nodes):
            self.register(f"n{number}")
        self.runtime.run_task(self.manager.start())

    def register(self, node_id: str) -> None:
        self.runtime.run_task(self.manager.register_node(NodeInfo(node_id, "h", 1)))

    def status(self, node_id: str = "n0") -> NodeStatus:
        return self.manager.get_node(node_id).status

    def went(self, new: NodeStatus) -> dict[str, float]:
        """Node -> when it last became that."""
        return {
            row.subject: row.at
            for row in self.log.rows
            if row.kind == "node_status" and dict(row.fields)["new"] == new.value
        }

    def reasons(self) -> list[str]:
        return [str(dict(row.fields)["reason"]) for row in self.log.rows if row.kind == "node_status"]

    def close(self) -> None:
        self.runtime.close()


@pytest.mark.parametrize(
    ("interval_s", "misses", "timeout_s"),
    [(30.0, 2, 5.0), (2.0, 3, 2.0), (10.0, 3, 30.0), (60.0, 3, 5.0)],  # ALB, HAProxy, Ray (probes overlap), SGLang
)
def test_detection_after_a_silent_death(interval_s: float, misses: int, timeout_s: float) -> None:
    """min (k-1) I + tau, mean I/2 + (k-1) I + tau, max k I + tau, over 100 phases of the death."""
    phases = 100
    keys = {"interval_s": interval_s, "misses_max": misses, "probe_timeout_s": timeout_s}
    fleet = Fleet(phases, detector="consecutive_failures", **keys)
    for number in range(phases):
        fleet.mortals.dead_at[f"n{number}"] = (5.0 + (number + 0.5) / phases) * interval_s
    fleet.runtime.run((5.0 + misses + 1.0) * interval_s + timeout_s)
    found = fleet.went(NodeStatus.OFFLINE)
    delays = [found[node_id] - at for node_id, at in fleet.mortals.dead_at.items()]
    least, step = (misses - 1) * interval_s + timeout_s, interval_s / phases
    assert min(delays) == pytest.approx(least + step / 2)
    assert max(delays) == pytest.approx(least + interval_s - step / 2)
    assert statistics.mean(delays) == pytest.approx(least + interval_s / 2)
    assert set(fleet.reasons()) == {f"{misses} checks failed in a row (misses_max)"}
    assert not any(fleet.heard.usable.values())
    assert all(fleet.heard.silent.values())
    fleet.close()


def test_the_sources_timeout_is_found_at_the_documented_check() -> None:
    """30 s and 60 s: the first check more than 60 s after the last heartbeat, 90 s after it with both in step."""
    fleet = Fleet(1, detector="heartbeat_timeout", interval_s=30.0, node_timeout_s=60.0)

    async def beats() -> None:
        for tick in range(1, 5):
            await fleet.runtime.sleep_until(tick * 30.0)
            fleet.manager.heartbeat("n0")

    fleet.runtime.spawn(beats())
    fleet.runtime.run(400.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n0": 210.0}
    assert fleet.reasons() == ["silent for 90 s, over node_timeout_s=60"]
    fleet.manager.heartbeat("n0")
    assert fleet.status() is NodeStatus.ONLINE
    assert fleet.reasons()[-1] == "heartbeat after 280 s"
    assert not fleet.mortals.asked  # a detector of heartbeats asks nobody
    fleet.close()


def test_a_node_comes_back_after_rises_min_checks_and_its_checks_go_on_meanwhile() -> None:
    fleet = Fleet(1, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0, misses_max=2, rises_min=3)
    fleet.mortals.dead_at["n0"], fleet.mortals.back_at["n0"] = 15.0, 45.0
    fleet.runtime.run(45.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n0": 31.0}
    fleet.manager.heartbeat("n0")  # heard, but its checks say otherwise
    assert fleet.status() is NodeStatus.OFFLINE
    fleet.runtime.run(100.0)
    assert fleet.went(NodeStatus.ONLINE) == {"n0": 70.0}
    assert fleet.reasons() == ["2 checks failed in a row (misses_max)", "3 checks passed in a row (rises_min)"]
    fleet.close()


def test_an_answer_within_the_timeout_passes_and_at_it_too() -> None:
    for answer_s, up in ((0.9, True), (1.0, True), (1.1, False)):
        fleet = Fleet(1, answer_s, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0, misses_max=1)
        fleet.runtime.run(15.0)
        assert (fleet.status() is NodeStatus.ONLINE) == up, answer_s
        fleet.close()


def test_a_lost_answer_is_no_death_and_a_broken_connection_fails_at_once() -> None:
    fleet = Fleet(2, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=5.0, misses_max=2)
    fleet.mortals.lost |= {("n0", number) for number in range(1, 100, 2)}
    fleet.mortals.broken.add("n1")
    fleet.runtime.run(200.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n1": 20.0}
    fleet.close()


def test_checks_are_jittered_by_node_and_number_and_keep_their_mean_distance() -> None:
    fleet = Fleet(3, detector="consecutive_failures", interval_s=10.0, jitter_ratio=0.5, probe_timeout_s=1.0)
    fleet.runtime.run(95.0)
    asked = sorted((node_id, number, at) for at, node_id, number in fleet.mortals.asked)
    expected = [
        (f"n{birth}", number, (number + 0.5 * DRAWS.uniform(CHECK, birth << 24 | number)) * 10.0)
        for birth in range(3)
        for number in range(1, 10)
    ]
    expected = [row for row in expected if row[2] < 95.0]
    assert [row[:2] for row in asked] == [row[:2] for row in expected]
    assert [row[2] for row in asked] == pytest.approx([row[2] for row in expected])
    assert len({at for _, _, at in asked}) == len(asked)
    fleet.close()


def test_a_node_that_joins_later_is_checked_from_then_on_and_one_that_left_no_more() -> None:
    fleet = Fleet(1, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0)
    fleet.runtime.run(25.0)
    fleet.register("late")
    fleet.runtime.run_task(fleet.manager.remove_node("n0"))
    fleet.runtime.run(60.0)
    assert [at for at, node_id, _ in fleet.mortals.asked if node_id == "n0"] == [10.0, 20.0]
    assert [at for at, node_id, _ in fleet.mortals.asked if node_id == "late"] == [35.0, 45.0, 55.0]
    assert "watch n0 0" not in fleet.manager._parts.jobs
    fleet.close()


def test_a_probe_under_way_when_its_node_leaves_says_nothing() -> None:
    fleet = Fleet(1, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=5.0, misses_max=1)
    fleet.mortals.dead_at["n0"] = 0.0
    fleet.runtime.run(12.0)
    fleet.runtime.run_task(fleet.manager.remove_node("n0"))
    fleet.runtime.run(30.0)
    assert NodeStatus.OFFLINE.value not in str(fleet.reasons())
    assert fleet.went(NodeStatus.OFFLINE) == {}
    fleet.close()


def test_a_node_under_maintenance_is_not_asked_and_starts_afresh() -> None:
    fleet = Fleet(1, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0, misses_max=2)
    fleet.mortals.lost.add(("n0", 1))
    fleet.runtime.run(12.0)
    fleet.runtime.run_task(fleet.manager.update_node("n0", status=NodeStatus.MAINTENANCE))
    fleet.runtime.run(55.0)
    fleet.runtime.run_task(fleet.manager.update_node("n0", status=NodeStatus.ONLINE))
    fleet.mortals.lost.add(("n0", 6))
    fleet.runtime.run(65.0)
    assert [number for _, _, number in fleet.mortals.asked] == [1, 6]
    assert fleet.status() is NodeStatus.ONLINE  # its failure before the maintenance does not count
    fleet.close()


def test_a_node_that_said_it_goes_down_is_back_by_its_own_word_only() -> None:
    fleet = Fleet(1, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0)
    fleet.manager.heartbeat("n0", status=NodeStatus.OFFLINE)
    fleet.runtime.run(100.0)
    assert fleet.status() is NodeStatus.OFFLINE  # though its checks pass
    fleet.manager.heartbeat("n0")
    assert fleet.status() is NodeStatus.ONLINE
    fleet.close()


def test_passed_checks_are_told_and_counted() -> None:
    fleet = Fleet(1, detector="success_rate", interval_s=10.0, probe_timeout_s=1.0)
    passed: list[tuple[str, float]] = []
    fleet.watch.passed_listeners.append(lambda node_id, now: passed.append((node_id, now)))
    fleet.mortals.lost.add(("n0", 2))
    fleet.runtime.run(35.0)
    assert passed == [("n0", 10.0), ("n0", 30.0)]
    assert fleet.manager.metrics().checks == 3
    fleet.close()


def test_none_watches_nobody_and_costs_no_event() -> None:
    fleet = Fleet(2, detector="none", interval_s=0.001)
    fleet.runtime.run(1000.0)
    assert fleet.status() is NodeStatus.ONLINE
    assert fleet.runtime.env.events_count < 100
    fleet.close()


def test_nothing_is_watched_before_the_manager_starts_or_after_it_stopped() -> None:
    fleet = Fleet(1, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0, misses_max=1)
    fleet.runtime.run_task(fleet.manager.stop())
    fleet.mortals.dead_at["n0"] = 0.0
    fleet.register("late")
    fleet.runtime.run(100.0)
    assert not fleet.mortals.asked
    fleet.runtime.run_task(fleet.manager.start())
    fleet.runtime.run(115.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n0": 111.0}
    fleet.close()


def test_a_silent_node_that_is_to_drain_is_kept_out_of_a_panic() -> None:
    fleet = Fleet(2, detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0, misses_max=1)
    fleet.mortals.dead_at["n0"] = 0.0
    fleet.runtime.run(12.0)
    assert (fleet.heard.usable["n0"], fleet.heard.silent["n0"]) == (False, True)
    fleet.runtime.run_task(fleet.manager.update_node("n0", status=NodeStatus.DRAINING))
    assert (fleet.heard.usable["n0"], fleet.heard.silent["n0"]) == (False, False)
    fleet.close()


def test_nodes_that_came_in_together_are_looked_at_together() -> None:
    fleet = Fleet(4, detector="heartbeat_timeout", interval_s=10.0, node_timeout_s=25.0)
    fleet.register("late")  # at 0 as well, but the loops run already: on its own
    fleet.runtime.run(5.0)
    events = fleet.runtime.env.events_count
    fleet.runtime.run_task(fleet.manager.update_node("n2", status=NodeStatus.MAINTENANCE))
    fleet.runtime.run(12.0)
    fleet.runtime.run_task(fleet.manager.remove_node("n0"))
    for node_id in ("n3", "late"):
        fleet.manager.heartbeat(node_id)
    fleet.runtime.run(33.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n1": 30.0}  # n3 and late were heard at 12, n2 is not watched
    assert fleet.manager.metrics().checks == 4 + 3 + 3  # n2 from 5 on and n0 from 12 on are not looked at
    assert fleet.runtime.env.events_count - events < 40
    fleet.runtime.run_task(fleet.manager.remove_node("n2"))
    for node_id in ("n1", "n3"):
        fleet.runtime.run_task(fleet.manager.remove_node(node_id))
    fleet.runtime.run(50.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n1": 30.0, "late": 40.0}
    assert "watch n0 0" not in fleet.manager._parts.jobs  # nobody of them is left
    fleet.close()


def test_heartbeats_that_were_held_back_are_asked_for_before_a_verdict() -> None:
    fleet = Fleet(2, detector="heartbeat_timeout", interval_s=10.0, node_timeout_s=15.0)
    asked, lost = [], []

    def deliver() -> None:
        now = fleet.runtime.now()
        asked.append(now)
        if now < 50.0:
            fleet.manager.heard("n0", now - 1.0, now - 1.0, 0.5, 3)
        fleet.manager.heard("nobody", now, now, 0.5, 1)
        fleet.manager.heard("n1", -1.0, 0.0, 0.5, 1)  # said before it was there: nothing

    fleet.watch.held_back.append(deliver)
    fleet.watch.lost_listeners.append(lambda: lost.append(fleet.runtime.now()))
    fleet.runtime.run(65.0)
    assert fleet.went(NodeStatus.OFFLINE) == {"n1": 20.0, "n0": 60.0}
    assert lost == [20.0, 60.0]
    assert asked == [20.0, 40.0, 60.0]
    fleet.watch.held_back.clear()
    assert fleet.manager.get_node("n0").last_heartbeat == 39.0
    fleet.close()
