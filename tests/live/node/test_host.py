"""A node's pools: agents side by side, one bounded queue, epochs that only rise, busy time that adds up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sim.errors import DeployError
from sim.live.node.host import Full, Host
from sim.runtime.live import LiveRuntime
from tests.live.running import live


class Gate:
    """A body that holds whoever comes until it is opened."""

    def __init__(self) -> None:
        self.inside: list[int] = []
        self.open = asyncio.Event()

    async def __call__(self, content: dict[str, Any]) -> dict[str, Any]:
        self.inside.append(content["n"])
        await self.open.wait()
        return {"n": content["n"]}


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def queued() -> None:
    gate = Gate()
    host = Host(LiveRuntime(), {"a": gate}, 2, 2)
    host.start("x", "a", 1)
    host.start("y", "a", 1)
    with pytest.raises(DeployError, match="capacity"):
        host.start("z", "a", 1)
    runs = [asyncio.create_task(host.run("a", {"n": n})) for n in range(5)]
    await settle()
    assert gate.inside == [0, 1]
    assert isinstance(runs[4].exception(), Full)  # two run, two wait, the fifth is turned away
    assert host.load()["a"][:3] == [2, 2, 2]
    runs[2].cancel()
    await settle()
    assert host.load()["a"][:3] == [2, 2, 1]
    gate.open.set()
    answers = await asyncio.gather(runs[0], runs[1], runs[3])
    assert [answer["result"]["n"] for answer in answers] == [0, 1, 3]
    agents, busy, waiting, busy_s = host.load()["a"]
    assert (agents, busy, waiting) == (2, 0, 0)
    assert busy_s == pytest.approx(sum(answer["ran_s"] for answer in answers))
    assert (host.answered_count, host.failed_count) == (3, 0)


def test_agents_run_side_by_side_and_the_queue_is_bounded() -> None:
    live(queued)


async def called_off_at_its_turn() -> None:
    gate = Gate()
    host = Host(LiveRuntime(), {"a": gate}, 2, 5)
    host.start("x", "a", 1)
    first, second, third = [asyncio.create_task(host.run("a", {"n": n})) for n in range(3)]
    await settle()
    host.start("y", "a", 1)  # the second has its turn at this moment, and has not run yet
    second.cancel()
    await settle()
    assert second.cancelled()
    assert gate.inside == [0, 2]
    gate.open.set()
    await asyncio.gather(first, third)
    assert host.load()["a"][1:3] == [0, 0]


def test_a_turn_that_is_called_off_goes_to_the_next() -> None:
    live(called_off_at_its_turn)


async def epochs() -> None:
    gate = Gate()
    host = Host(LiveRuntime(), {"a": gate, "b": gate}, 5, 5)
    host.start("x", "a", 3)
    for late in (2, 3):
        with pytest.raises(DeployError, match="epoch"):
            host.start("x", "a", late)
    with pytest.raises(DeployError, match="this node runs a, b"):
        host.start("y", "c", 1)
    host.stop("x")
    host.stop("nobody")
    with pytest.raises(DeployError, match="epoch"):
        host.start("x", "a", 3)  # an order that was late
    with pytest.raises(Full):
        await host.run("a", {})
    host.start("x", "a", 4)
    host.start("y", "b", 1)
    host.sync({"x": ("a", 4), "z": ("a", 1)})  # y is not ours any more, z is
    assert {name: row[0] for name, row in host.load().items()} == {"a": 2, "b": 0}
    running = asyncio.create_task(host.run("a", {"n": 1}))
    waiting = [asyncio.create_task(host.run("a", {"n": n})) for n in (2, 3)]
    await settle()
    host.sync({})
    await settle()
    assert isinstance(waiting[1].exception(), Full)  # nobody is left to serve who waits
    gate.open.set()
    assert (await running)["result"] == {"n": 1}


def test_epochs_only_rise_and_a_sync_leaves_what_is_current() -> None:
    live(epochs)
