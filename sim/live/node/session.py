"""One connection of a node: it does what the control plane asks, and reports its load every `heartbeat_s`.

Orders: `agents` (exactly these), `start`, `stop`, `run` (an attempt), `cancel` (one of them), `ping`, `bye` (end).
When the connection ends all attempts are called off: nobody would take their answers.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sim.contracts import Runtime, Task
from sim.errors import SimError
from sim.live.link.exchange import Exchange
from sim.live.link.frames import Message
from sim.live.node.host import Full, Host
from sim.live.node.usage import Usage
from sim.runtime.cancelled import Cancelled

FAILED, REJECTED = "failed", "rejected"
CPU_DIGITS = 4


class Session:
    """`said_bye` once the control plane let the node go."""

    def __init__(self, runtime: Runtime, host: Host, exchange: Exchange, heartbeat_s: float) -> None:
        self.runtime, self.host, self.exchange, self.heartbeat_s = runtime, host, exchange, heartbeat_s
        self.said_bye = False
        self._runs: dict[int, Task] = {}
        self._usage = Usage()

    async def serve(self) -> str:
        """Until the connection ends; gives why it did."""
        beats = self.runtime.spawn(self._beats(), "beats")
        try:
            return await self.exchange.pump(self._heard)
        finally:
            beats.cancel()
            for run in list(self._runs.values()):
                run.cancel()

    async def _beats(self) -> None:
        while True:
            await self.beat()
            await self.runtime.sleep(self.heartbeat_s)

    async def beat(self) -> None:
        """One report; nothing where the connection ends meanwhile."""
        cpu_ratio, memory_ratio = self._usage.read(self.runtime.now())
        try:
            await self.exchange.tell(
                "beat", at=self.runtime.wall_at(), load=self.host.load(), cpu=round(cpu_ratio, CPU_DIGITS),
                memory=round(memory_ratio, CPU_DIGITS),
            )  # fmt: skip
        except ConnectionError:
            return

    def _heard(self, message: Message) -> None:
        op, number = message.get("op"), message.get("n")
        if op == "bye":
            self.said_bye = True
            self.exchange.close()
        elif op == "cancel":
            run = self._runs.get(message.get("of", -1))
            if run is not None:
                run.cancel()
        elif isinstance(number, int):
            work = self._run(number, message) if op == "run" else self._order(number, str(op), message)
            self._runs[number] = self.runtime.spawn(work, f"{op} {number}")

    async def _run(self, number: int, message: Message) -> None:
        """An attempt, and its answer."""
        answer: dict[str, Any]
        try:
            agent_type = str(message.get("type"))
            answer = await self.host.run(agent_type, dict(message.get("input", {})))
            answer["present"] = self.host.present_of(agent_type)
        except Cancelled:
            self._runs.pop(number, None)
            raise
        except Full as error:
            answer = {"error": str(error), "status": REJECTED}
        except SimError as error:
            answer = {"error": str(error), "status": FAILED}
        except Exception as error:  # an agent's, which may be anything and hold anything
            answer = {"error": type(error).__name__, "status": FAILED}
        await self._answer(number, answer)

    async def _order(self, number: int, op: str, message: Message) -> None:
        answer: dict[str, Any] = {}
        try:
            if op == "start":
                self.host.start(str(message["agent"]), str(message["type"]), int(message["epoch"]))
            elif op == "stop":
                self.host.stop(str(message["agent"]))
            elif op == "agents":
                self.host.sync({str(name): (str(kind), int(epoch)) for name, kind, epoch in message["agents"]})
            elif op != "ping":
                answer = {"error": f"no order of this version: {op}"}
            answer |= {"load": self.host.load()}
        except (SimError, KeyError, TypeError, ValueError) as error:
            answer = {"error": str(error) or type(error).__name__}
        await self._answer(number, answer)

    async def _answer(self, number: int, answer: dict[str, Any]) -> None:
        self._runs.pop(number, None)
        try:
            await self.exchange.answer(number, **answer)
        except ConnectionError:
            return
        except (TypeError, ValueError) as error:  # what the agent said is no JSON, or too long
            with_error = {"error": f"the answer cannot be sent: {error}", "status": FAILED}
            await self._answer(number, with_error)


async def until(event: asyncio.Event, within_s: float) -> bool:
    """Whether the event came within so many seconds."""
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
