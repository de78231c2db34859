"""Nobody waits for what a machine that is gone was asked: its next sign of life, or the user's next word, asks anew."""

from __future__ import annotations

import pytest

from sim.errors import NodeError
from sim.runtime.cancelled import Cancelled
from sim.runtime.shuffled import ShuffledEnvironment
from sim.runtime.virtual import OrderedEnvironment
from sim.scalability.health.params import HealthParams
from sim.scalability.manager.journal import MemoryJournal
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import Rig

OFF, ON, REST = NodeStatus.OFFLINE, NodeStatus.ONLINE, NodeStatus.MAINTENANCE
NEVER = 1e9
BEATS = {"interval_s": 10.0, "node_timeout_s": 25.0}


def fleet(health: HealthParams | None = None, env: OrderedEnvironment | None = None) -> Rig:
    """Two nodes with an agent each; what changes is journalled."""
    rig = Rig(auto_scaling=False, health=health, env=env, journal=MemoryJournal())
    rig.add_nodes(2, 4)
    rig.deploy(2)
    return rig


def stops(rig: Rig) -> int:
    return rig.host.calls.count(("stop", "node-0", "agent-1"))


def lost(rig: Rig) -> None:
    """node-0 is lost with agent-1 on it, which moves; from now on the machine answers nothing."""
    rig.run(rig.manager.start())
    rig.manager.heartbeat("node-0", status=OFF)
    rig.pass_time(1.0)
    assert rig.orphans("node-0") == {"agent-1"}
    rig.host.stop_s = NEVER


@pytest.mark.parametrize(
    "health",
    [
        None,
        HealthParams(detector="heartbeat_timeout", **BEATS),  # type: ignore[arg-type]
        HealthParams(detector="heartbeat_timeout", jitter_ratio=0.1, **BEATS),  # type: ignore[arg-type]
    ],
    ids=["node_timeout", "together", "each by itself"],
)
def test_a_node_that_falls_silent_again_is_asked_anew_when_it_is_back(health: HealthParams | None) -> None:
    """Storm 401213: a heartbeat by hand in the name of a machine that was gone."""
    rig = fleet(health)
    lost(rig)
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert stops(rig) == 1
    for _ in range(20):  # less than deployment_timeout
        rig.beat("node-1")
        rig.pass_time(10.0)
    assert rig.manager.get_node("node-0").status is OFF
    rig.host.stop_s = 0.0
    rig.beat("node-0", "node-1")
    rig.pass_time(1.0)
    assert rig.manager.get_node("node-0").status is ON
    assert stops(rig) == 2
    rig.audit_at_rest()


def test_a_node_whose_checks_fail_again_is_asked_anew_when_they_pass() -> None:
    checks = HealthParams(detector="consecutive_failures", interval_s=10.0, probe_timeout_s=1.0, misses_max=2)
    rig = fleet(checks)
    rig.mortals.dead_at["node-0"], rig.mortals.back_at["node-0"] = 5.0, 35.0
    rig.run(rig.manager.start())
    rig.pass_time(33.0)
    assert rig.manager.get_node("node-0").status is OFF
    rig.host.stop_s = NEVER
    rig.pass_time(30.0)  # its checks pass, it is being cleared
    assert stops(rig) == 1
    rig.mortals.dead_at["node-0"], rig.mortals.back_at["node-0"] = 63.0, 113.0
    rig.pass_time(50.0)
    rig.host.stop_s = 0.0
    rig.pass_time(30.0)
    assert rig.manager.get_node("node-0").status is ON
    assert stops(rig) == 2
    rig.audit_at_rest()


def test_a_node_that_leaves_while_it_is_cleared_is_not_looked_for_in_the_books() -> None:
    """Storm 911714: the answer to a stop came after a user had removed the node."""
    rig = fleet()
    lost(rig)
    rig.host.stop_s = 5.0
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert stops(rig) == 1
    rig.run(rig.manager.remove_node("node-0"))
    assert list(rig.manager.node_statuses()) == ["node-1"]
    rig.pass_time(10.0)
    rig.audit_at_rest()


def test_the_loss_of_a_node_ends_what_its_drain_waits_for() -> None:
    """Storm 404934: stops that were not confirmed are asked for once more at the end of a drain."""
    rig = fleet()
    rig.host.stop_s = NEVER

    async def go() -> None:
        drain = rig.runtime.spawn(rig.manager.drain_node("node-0"))
        await rig.runtime.sleep(301.0)  # deployment_timeout: agent-1 has moved, and is asked to stop once more
        assert stops(rig) == 2
        rig.manager.heartbeat("node-0", status=OFF)
        await drain.join()
        rig.host.stop_s = 0.0
        rig.beat("node-0")
        await rig.runtime.sleep(1.0)

    rig.run(go())
    assert rig.reasons("clear_failed", "node-0") == ["node node-0: was lost meanwhile, or asked again"]
    assert rig.manager.get_node("node-0").status is NodeStatus.DRAINING
    assert rig.orphans("node-0") == set()
    rig.audit_at_rest()


@pytest.mark.parametrize("word", range(8))  # 0: in the order in which they were asked for
def test_a_later_word_takes_the_place_of_one_that_waits(word: int) -> None:
    """Storm 404752: put to rest while its machine was dark, it could not be opened for `deployment_timeout`.

    Storms 506794 and 506901: in another order of what is ready at one instant it was called off without end.
    """
    rig = fleet(env=ShuffledEnvironment(word, events_max=10_000))
    rig.run(rig.manager.update_node("node-0", status=OFF))
    rig.pass_time(1.0)
    rig.host.stop_s = NEVER

    async def go() -> None:
        rest = rig.runtime.spawn(rig.manager.update_node("node-0", status=REST))
        await rig.runtime.sleep(1.0)
        rig.host.stop_s = 0.0
        await rig.manager.update_node("node-0", status=ON)
        with pytest.raises(NodeError, match="was lost meanwhile, or asked again"):
            await rest.join()

    rig.run(go())
    assert rig.manager.get_node("node-0").status is ON
    rig.audit_at_rest()


@pytest.mark.parametrize("word", range(8))  # 0: in the order in which they were asked for
def test_a_users_word_takes_the_place_of_a_return_that_waits(word: int) -> None:
    """Storm 1116285: its question was lost on a way that was cut, while heartbeats came on the other."""
    rig = fleet(env=ShuffledEnvironment(word, events_max=10_000))
    lost(rig)
    rig.beat("node-0")
    rig.pass_time(1.0)
    assert stops(rig) == 1
    rig.host.stop_s = 3.0

    async def go() -> None:
        back = rig.runtime.spawn(rig.manager.update_node("node-0", status=ON))
        await rig.runtime.sleep(1.0)
        rig.beat("node-0")  # asks no second time
        assert rig.manager.get_node("node-0").status is OFF
        await back.join()

    before = rig.runtime.now()
    rig.run(go())
    assert rig.runtime.now() - before == 3.0
    assert (rig.manager.get_node("node-0").status, stops(rig)) == (ON, 2)
    rig.audit_at_rest()


def test_a_return_goes_on_where_the_users_word_is_taken_back() -> None:
    rig = fleet()
    lost(rig)
    rig.beat("node-0")
    rig.pass_time(1.0)

    async def go() -> None:
        back = rig.runtime.spawn(rig.manager.update_node("node-0", status=ON))
        await rig.runtime.sleep(1.0)
        back.cancel()
        with pytest.raises(Cancelled):
            await back.join()
        rig.host.stop_s = 0.0
        rig.beat("node-0")
        await rig.runtime.sleep(1.0)

    rig.run(go())
    assert (rig.manager.get_node("node-0").status, stops(rig)) == (ON, 3)
    rig.audit_at_rest()


def test_a_later_word_waits_until_an_earlier_one_has_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = fleet(env=ShuffledEnvironment(events_max=10_000))
    rig.run(rig.manager.update_node("node-0", status=OFF))
    rig.pass_time(1.0)
    stop, asked = rig.host.stop_agent, []

    async def slow(node_id: str, agent_id: str) -> None:
        asked.append(rig.runtime.now())
        if len(asked) > 1:
            return await stop(node_id, agent_id)
        try:
            await rig.runtime.sleep(NEVER)
        finally:
            await rig.runtime.sleep(5.0)

    monkeypatch.setattr(rig.host, "stop_agent", slow)

    async def go() -> None:
        rest = rig.runtime.spawn(rig.manager.update_node("node-0", status=REST))
        await rig.runtime.sleep(1.0)
        await rig.manager.update_node("node-0", status=ON)
        with pytest.raises(NodeError, match="was lost meanwhile, or asked again"):
            await rest.join()

    rig.run(go())
    assert asked[1] - asked[0] == 6.0
    assert rig.manager.get_node("node-0").status is ON
    rig.audit_at_rest()


def test_a_word_that_is_taken_back_leaves_nothing_behind() -> None:
    rig = fleet()
    rig.run(rig.manager.update_node("node-0", status=OFF))
    rig.pass_time(1.0)
    rig.host.stop_s = NEVER

    async def go() -> None:
        back = rig.runtime.spawn(rig.manager.update_node("node-0", status=ON))
        await rig.runtime.sleep(1.0)
        back.cancel()
        with pytest.raises(Cancelled):
            await back.join()
        rig.host.stop_s = 0.0
        await rig.manager.update_node("node-0", status=ON)

    rig.run(go())
    assert rig.manager.get_node("node-0").status is ON
    assert stops(rig) == 2
    rig.audit_at_rest()


def test_a_word_that_is_called_off_before_it_begins_is_told() -> None:
    """The loss comes at the very instant: nothing was asked yet."""
    rig = fleet()
    rig.run(rig.manager.update_node("node-0", status=OFF))
    rig.pass_time(1.0)
    rig.host.calls.clear()

    async def go() -> None:
        back = rig.runtime.spawn(rig.manager.update_node("node-0", status=ON))
        rig.runtime.spawn(said())
        with pytest.raises(NodeError, match="was lost meanwhile"):
            await back.join()

    async def said() -> None:
        rig.manager.heartbeat("node-0", status=OFF)

    rig.run(go())
    assert stops(rig) == 0
    assert rig.manager.get_node("node-0").status is OFF
    rig.audit_at_rest()
