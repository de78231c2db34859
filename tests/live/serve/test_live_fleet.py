"""The control plane over nodes on real sockets: every strategy; nodes that come, go, are cut off, return too late."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from sim.errors import ConfigError
from sim.registry import names
from sim.types.fleet import AgentStatus
from tests.live.serve.rig import SLEEPER, Rig, served

NONE = "server.provider=none"


@pytest.mark.parametrize("strategy", names("balancer"))
def test_every_strategy_loses_nothing_while_a_node_is_cut_off_and_one_comes(strategy: str, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        for name in ("n1", "n2", "n3"):
            rig.node(name, SLEEPER)
        await rig.agents(6)
        orders = [asyncio.create_task(rig.order({"work_s": 0.02})) for _ in range(40)]
        await rig.until(lambda: sum(node.host.answered_count for node in rig.nodes.values()) >= 10)
        cut = rig.nodes["n2"]
        assert cut.session is not None
        cut.leaving.set()  # it does not come back
        cut.session.exchange.close()
        rig.node("n4", SLEEPER)
        records = await asyncio.gather(*orders)
        assert [record.state for record in records] == ["done"] * 40
        by_node = Counter(record.result["node_id"] for record in records)
        assert min(by_node["n1"], by_node["n3"]) > 0
        ordinals = [record.order.ordinal for record in records]
        assert sorted(ordinals) == list(range(40))
        balancer = rig.server.fleet.balancer
        assert sum(balancer.statistics().in_flight) == 0
        assert rig.server.fleet.requests.counts()["ok"] == 40

    served(body, tmp_path, NONE, f"balancer={strategy}")


async def fenced(rig: Rig) -> None:
    node = rig.node("n1", SLEEPER)
    await rig.agents(2)
    manager, fleet = rig.server.fleet.manager, rig.server.fleet
    epochs = {info.agent_id: info.epoch for info in manager.list_agents()}
    order = asyncio.create_task(rig.order({"work_s": 30.0}))
    await rig.until(lambda: node.host.load()["agent"][1] == 1)
    first = node.session
    manager.heartbeat("n1", status=manager.get_node("n1").status.OFFLINE)  # given up: its agents wait
    await rig.until(lambda: node.session not in (None, first))
    assert node.host.load()["agent"][1] == 0  # what ran in the old session was called off
    rig.node("n2", SLEEPER)
    await rig.agents(2)
    again = {info.agent_id: info.epoch for info in manager.list_agents(status=AgentStatus.READY)}
    assert all(again[name] > epoch for name, epoch in epochs.items() if name in again)
    assert fleet.requests.counts()["in_system"] == 1  # it was sent on, and nobody answered it twice
    order.cancel()


def test_a_node_that_was_given_up_comes_back_without_its_past(tmp_path: Path) -> None:
    served(fenced, tmp_path, NONE)


async def silent(rig: Rig) -> None:
    node = rig.node("n1")
    await rig.agents(2)
    assert node.session is not None
    session = node.session
    session.heartbeat_s = 1e9  # its machine hangs: the connection stays, nothing comes
    await rig.until(lambda: node.session not in (None, session))
    assert rig.events("node_disconnected") == ["n1"]
    await rig.agents(2)
    assert (await rig.order({"x": 1})).state == "done"


def test_a_silent_connection_counts_as_broken_and_the_node_comes_back(tmp_path: Path) -> None:
    served(silent, tmp_path, NONE, "server.silent_s=0.6", "health=none")


async def refused(rig: Rig) -> None:
    rig.node("n1", capacity=1)
    await rig.agents(1)
    rig.node("n1x", rejoin_s=0.2)
    await rig.until(lambda: rig.nodes["n1x"].ended.is_set())
    assert rig.nodes["n1x"].code == 1
    assert any("there are 1 nodes" in line for line in rig.lines)
    second = rig.nodes["n1"]
    rig.node("n1", rejoin_s=0.2)  # a namesake while the first is there
    await rig.until(lambda: rig.nodes["n1"].ended.is_set())
    assert any("connected already" in line for line in rig.lines)
    rig.nodes["n1"] = second
    assert (await rig.order({"x": 1})).result["result"] == {"x": 1}


def test_who_is_one_too_many_or_a_namesake_is_turned_away(tmp_path: Path) -> None:
    served(refused, tmp_path, NONE, "server.nodes_max=1", "fleet.nodes=1", "failover=none")


async def left(rig: Rig) -> None:
    for name in ("n1", "n2"):
        rig.node(name, SLEEPER, 4)
    await rig.agents(4)
    orders = [asyncio.create_task(rig.order({"work_s": 0.1})) for _ in range(8)]
    await rig.until(lambda: all(node.host.load()["agent"][1] for node in rig.nodes.values()))
    leaver = rig.nodes["n1"]
    ending = rig.runtime.spawn(leaver._end(), "end")
    leaver.leave()
    assert [record.state for record in await asyncio.gather(*orders)] == ["done"] * 8
    await ending.join()
    await rig.until(lambda: "n1" not in rig.server.fleet.manager.node_statuses())
    assert leaver.host.failed_count == 0  # nothing was called off
    assert rig.server.fleet.requests.retries_count == 0
    assert {info.node_id for info in rig.server.fleet.manager.list_agents()} == {"n2"}
    assert len(rig.server.fleet.manager.list_agents()) == 4


def test_a_node_that_asks_to_be_let_go_is_drained(tmp_path: Path) -> None:
    served(left, tmp_path, NONE)


async def failing(rig: Rig) -> None:
    rig.node("n1", SLEEPER)
    await rig.agents(2)
    record = await rig.order({"work_s": -1.0})
    assert (record.state, record.result) == ("failed", {})
    assert record.error == "failed: n1: ValueError"
    late = await rig.order({"work_s": 5.0})
    assert late.state == "failed"
    assert "timed_out" in late.error
    await rig.until(lambda: rig.nodes["n1"].host.load()["agent"][1] == 0)  # nobody waits: it was called off
    gone = rig.nodes["n1"]
    single = asyncio.create_task(rig.order({"work_s": 0.3}, idempotent=False))
    await rig.until(lambda: gone.host.load()["agent"][1] == 1)
    assert gone.session is not None
    gone.session.exchange.close()
    record = await single
    assert record.state == "failed"  # it must not run twice
    assert "ended before the answer" in record.error


def test_what_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    served(failing, tmp_path, NONE, "retry.attempts_max=1", "retry.attempt_timeout_s=0.4", "retry.budget_ratio=null",
           "health.ejection.enabled=false")  # fmt: skip


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("hedge.after_s=1", "hedge.after_s"),
        ("server.node_host=0.0.0.0", "server.node_host"),
        ("admission.priority_mix=[1,1]", "admission.priority_mix"),
    ],
)
def test_what_cannot_be_served_is_refused_before_a_socket_is_there(override: str, key: str, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        raise AssertionError("it was served")

    with pytest.raises(ConfigError) as caught:
        served(body, tmp_path, override)
    assert caught.value.key == key


async def told(rig: Rig) -> None:
    assert "faults are of the simulated world, none is played here: crash, slow" in rig.lines


def test_faults_of_a_config_are_not_left_out_in_silence(tmp_path: Path) -> None:
    words = ("faults.crash.mttf_s=100", "faults.crash.mttr_s=10", "faults.slow.mttf_s=100", "faults.slow.mttr_s=10")
    served(told, tmp_path, NONE, "faults=[crash,slow]", *words)


async def locked(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="no other"):
        rig.serve()


def test_a_state_has_one_server(tmp_path: Path) -> None:
    served(locked, tmp_path, NONE)
