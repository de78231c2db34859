"""Kill -9 of a node, of the control plane, or of both, at drawn instants under load, many times over one state.

A round: tasks are ordered at drawn instants of two seconds, half of them such that must not run twice; within them the
victims are killed, then begun anew; every acknowledged task is asked for until it ended. Then the books are checked.
The schedule is a pure function of the seed; what the machine makes of it is not.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import FleetError
from sim.integration.gateway.key_files import open_ring
from sim.integration.gateway.kinds import OPERATE
from sim.live.calibrate.open_load import OpenLoad
from sim.live.entropy import system_entropy
from sim.live.keys import KEYS
from sim.live.selftest.audit import Sent, begun, records_of, violations
from sim.live.selftest.processes import Processes
from sim.live.serve.state import FOLDER, TASKS
from sim.runtime.draws import SELFTEST, CounterDraws
from sim.runtime.live import LiveRuntime

NODES = ("n1", "n2", "n3")
KINDS = ("node", "server", "both")
TASKS_COUNT = 12
SPAN_S, EARLIEST_RATIO, WORK_MAX_S = 2.0, 0.25, 0.8
LOOK_S, SETTLE_S = 0.1, 90.0


@dataclass(slots=True)
class Round:
    """What became of a kill; counts are of tasks."""

    number: int
    kind: str
    killed_at: float  # s from the first task of the round
    sent: int = 0
    accepted: int = 0
    done: int = 0
    failed: int = 0
    recovered_s: float = 0.0  # from the kill until every accepted task had its end
    assignment: str = ""  # agents and places after a kill of the server alone: same, changed
    violations: list[str] = field(default_factory=list)


class Kills:
    """`rounds` of them; raises `FleetError` where the fleet does not come back at all."""

    def __init__(self, runtime: LiveRuntime, state: Path, seed: int, told: Callable[[Round], None]) -> None:
        self.runtime, self.state, self.told = runtime, state, told
        self.draws = CounterDraws(seed, 0)
        self.processes = Processes(runtime, state)
        key = open_ring(state / KEYS, system_entropy).issue("selftest", (OPERATE,), runtime.wall_at())
        self.client = OpenLoad(runtime, 0, key)
        self.sent: list[Sent] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.tasks_count = 0

    async def run(self, rounds: int) -> list[Round]:
        """All rounds, from the first start to the last end."""
        try:
            await self.processes.start()
            await self._server()
            for name in NODES:
                await self.processes.start_node(name)
            await self._until(self._is_whole)
            found = []
            for number in range(rounds):
                found.append(await self._round(number))
                self.told(found[-1])
            return found
        finally:
            self.client.close()
            await self.processes.stop()

    async def _round(self, number: int) -> Round:
        def draw(index: int) -> float:
            return self.draws.uniform(SELFTEST, number, 0, index)

        killed_at = SPAN_S * (EARLIEST_RATIO + (1.0 - EARLIEST_RATIO) * draw(1))
        this = Round(number, KINDS[int(draw(0) * len(KINDS))], killed_at)
        victim = NODES[int(draw(2) * len(NODES))]
        begun_at = self.runtime.now()
        before = await self._agents()
        orders = [
            self.runtime.spawn(self._order(this, begun_at + SPAN_S * draw(3 + index), index), "order")
            for index in range(TASKS_COUNT)
        ]
        await self.runtime.sleep_until(begun_at + this.killed_at)
        strike_at = self.runtime.now()
        await self._kill(this.kind, victim)
        for order in orders:
            await order.join()
        await self._until(self._all_ended)
        this.recovered_s = self.runtime.now() - strike_at
        await self._until(self._is_whole)
        if this.kind == "server":
            this.assignment = "same" if await self._agents() == before else "changed"
        records = records_of(self.state / FOLDER / TASKS)
        this.violations = violations(self.sent, records, begun(self.processes.log), self.answers)
        mine = self.sent[len(self.sent) - this.accepted :]
        states = [self.answers[task.task_id]["state"] for task in mine]
        this.done, this.failed = states.count("done"), len(states) - states.count("done")
        return this

    async def _kill(self, kind: str, victim: str) -> None:
        """Kill, and begin anew."""
        processes = self.processes
        doomed = ([] if kind == "node" else [processes.server]) + (
            [] if kind == "server" else [processes.nodes[victim]]
        )
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        for pid in doomed:
            await processes.gone(pid)
        if kind != "node":
            self.client.close()
            await self._server()
        if kind != "server":
            await processes.start_node(victim)

    async def _server(self) -> None:
        await self.processes.start_server()
        self.client.port = self.processes.port

    async def _order(self, this: Round, at: float, index: int) -> None:
        """One task; it counts once its client heard that it was accepted."""
        await self.runtime.sleep_until(at)
        self.tasks_count += 1
        number, idempotent = self.tasks_count, index % 2 == 0
        work_s = WORK_MAX_S * self.draws.uniform(SELFTEST, this.number, 1, index)
        order = {"input": {"n": number, "work_s": work_s}, "idempotent": idempotent}
        this.sent += 1
        try:
            status, told = await self.client.call("POST", "/v1/tasks", json.dumps(order).encode())
        except (OSError, ValueError):
            return  # nobody said that it was taken
        if status in (200, 202):
            this.accepted += 1
            self.sent.append(Sent(told["task_id"], number, idempotent))

    async def _all_ended(self) -> bool:
        """Ask for every accepted task that has no answer yet, and again for the last ones that have."""
        recent = self.sent[-2 * TASKS_COUNT :]
        for task in recent:
            status, told = await self.client.call("GET", f"/v1/tasks/{task.task_id}")
            if status != 200 or told["state"] == "running":
                return False
            answer = {name: told[name] for name in ("state", "result", "error")}
            before = self.answers.setdefault(task.task_id, answer)
            if before != answer:
                raise FleetError(f"{task.task_id} was answered as {before['state']}, then as {answer['state']}")
        return True

    async def _is_whole(self) -> bool:
        return len(await self._agents()) == 2 * len(NODES)

    async def _agents(self) -> list[tuple[str, str, int]]:
        """Ready agents with place and epoch."""
        _, told = await self.client.call("GET", "/v1/agents")
        return [(one["agent_id"], one["node_id"], one["epoch"]) for one in told if one["status"] == "ready"]

    async def _until(self, met: Callable[[], Any]) -> None:
        """Ask again and again, `SETTLE_S` at most; raises `FleetError`."""
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    try:
                        if await met():
                            return
                    except (OSError, ValueError, TypeError):  # not there yet, or answers with a problem
                        pass
                    await self.runtime.sleep(LOOK_S)
        except TimeoutError:
            raise FleetError(f"the fleet did not settle within {SETTLE_S:g} s") from None


def line_of(this: Round) -> str:
    """A round in one line."""
    told = f"{this.number:4} {this.kind:6} {this.accepted:3} of {this.sent} accepted, {this.done} done, "
    told += f"{this.failed} failed, {this.recovered_s:.1f} s {this.assignment}"
    return told + "".join(f"\n  VIOLATED: {problem}" for problem in this.violations)
