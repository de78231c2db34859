"""A control plane that ends and begins again over the same state, and nodes that are real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.live.serve.rig import SLEEPER, Rig, served


async def processes(rig: Rig) -> None:
    """3 real nodes and 5 agents; one is killed and one added under load, and nothing is lost."""
    await rig.agents(3)
    fleet = rig.server.fleet
    for number in range(2):
        await fleet.manager.deploy_agent({"name": f"more-{number}", "type": "agent", "model": "live"})
    assert len(fleet.manager.list_agents()) == 5
    assert rig.server.nodes is not None
    provider = rig.server.nodes.provider
    orders = [asyncio.create_task(rig.order({"work_s": 0.05})) for _ in range(60)]
    await rig.until(lambda: fleet.requests.counts()["ok"] >= 5)
    victim = max(fleet.links.by_node.values(), key=lambda link: link.running_count)
    assert victim.running_count
    provider.processes[victim.node_id].send_signal(signal.SIGKILL)
    rig.node("added", SLEEPER)
    records = await asyncio.gather(*orders)
    assert [record.state for record in records] == ["done"] * 60
    await rig.until(lambda: provider.started_count == 4 and victim.node_id in fleet.links.by_node)
    assert "added" in fleet.manager.node_statuses()
    pids = [process.pid for process in provider.processes.values()]
    await rig.server.stop()
    assert provider.processes == {}
    for pid in pids:
        assert not is_alive(pid)
    rig.server = rig.serve()  # for the rig to stop


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_node_is_killed_and_one_is_added_under_load(tmp_path: Path) -> None:
    served(processes, tmp_path, "fleet.nodes=3", "fleet.agents_per_node=1", "fleet.capacity_agents=3")


async def again(rig: Rig) -> None:
    """As after kill -9: nothing of the first server is drained or told."""
    for name in ("n1", "n2"):
        rig.node(name, SLEEPER)
    await rig.agents(4)
    first = rig.server
    done = await rig.order({"work_s": 0.0})
    under_way = [asyncio.create_task(rig.order({"work_s": 0.4}, idempotent=bool(n))) for n in range(3)]
    await rig.until(lambda: first.fleet.attempts_count() == 3)
    digest = first.fleet.manager.assignment_digest()
    await abandon(rig)
    for task in under_way:
        task.cancel()
    rig.server = rig.serve()
    assert rig.server.fleet.restored
    assert rig.server.fleet.manager.assignment_digest() == digest  # before any node has come back
    await rig.server.start()
    assert rig.server.url == first.url
    desk = rig.server.gateway.desk
    assert desk is not None
    records = [desk.get(f"task-{number:08x}", None) for number in range(1, 5)]
    assert (records[0].state, records[0].result) == ("done", done.result)
    await rig.agents(4)
    for record in records:
        await record.over.wait()
    assert [record.state for record in records] == ["done", "failed", "done", "done"]
    assert "must not run twice" in records[1].error
    assert rig.server.fleet.manager.assignment_digest() == digest
    assert (await rig.order({})).order.task_id == "task-00000005"
    lines = (rig.server.state.folder / "tasks.journal").read_text().splitlines()
    ended = [line for line in lines if '"kind":"ended"' in line]
    assert len(ended) == len({line.split('"task_id":"')[1][:13] for line in ended}) == 5


async def abandon(rig: Rig) -> None:
    """Leave a server as a kill does: its sockets and lock are gone, nothing else happens."""
    server = rig.server
    await rig.server.gateway.stop()
    for task in list(rig.runtime._tasks):
        if not any(task.name == name for name in rig.nodes) and task.name != "beats":
            task.cancel()
    await rig.server.links.stop()
    server.state.close()


def test_a_control_plane_that_was_killed_goes_on(tmp_path: Path) -> None:
    served(again, tmp_path, "server.provider=none")
