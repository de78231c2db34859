"""An open-loop load generator: every request is sent when it is due, whoever of those before it waits.

Latency counts from the due time, so that a client that falls behind is part of it and nothing is omitted (Tene 2013,
"coordinated omission"). Connections are kept and reused; one that was idle for `IDLE_S` is not, since the server may be
about to close it. A request that was not sent whole or has no answer is recorded as lost, never sent again.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from sim.contracts import Runtime
from sim.live.calibrate.plan import LoadPlan, Planned
from sim.live.calibrate.rows import Row

WAIT_S = 30.0  # that the gateway is asked to hold an answer back
LOST_S = 120.0
IDLE_S = 3.0
HEAD_END, LENGTH = b"\r\n\r\n", b"content-length: "
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class OpenLoad:
    """Sends a plan to a gateway on this machine; `key` is an API key."""

    def __init__(self, runtime: Runtime, port: int, key: str) -> None:
        self.runtime, self.port = runtime, port
        self._head = f"Host: localhost\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
        self._idle: deque[tuple[float, Connection]] = deque()
        self.connections_count = 0

    async def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        """Status and JSON of one request; raises OSError, ValueError."""
        reader, writer = await self._connection()
        try:
            lines = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
            writer.write(lines.encode() + body)
            try:
                head = await reader.readuntil(HEAD_END)
                start = head.lower().index(LENGTH) + len(LENGTH)
                text = await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
            except asyncio.IncompleteReadError as error:
                raise ConnectionError("the connection ended before the answer") from error
        except BaseException:
            writer.close()
            raise
        self._idle.append((self.runtime.now(), (reader, writer)))
        return int(head[9:12]), json.loads(text) if text else None

    async def run(self, plan: LoadPlan) -> list[Row]:
        """Send everything; the rows in order of their due times, once all have ended."""
        started_at = self.runtime.now()
        tasks = []
        for number, planned in enumerate(plan.requests):
            await self.runtime.sleep_until(started_at + planned.at)
            tasks.append(self.runtime.spawn(self._send(number, planned, started_at), f"request {number}"))
        return [await task.join() for task in tasks]

    async def _send(self, number: int, planned: Planned, started_at: float) -> Row:
        due_at, sent_at = planned.at, self.runtime.now() - started_at
        order: dict[str, Any] = {"input": {"work_s": planned.work_s}, "wait_s": WAIT_S}
        if planned.key is not None:
            order["key"] = planned.key
        try:
            async with self.runtime.timeout(LOST_S):
                status, told = await self.call("POST", "/v1/tasks", json.dumps(order).encode())
        except (OSError, ValueError) as error:  # TimeoutError and ConnectionError are the first
            latency_s = self.runtime.now() - started_at - due_at
            return Row(number, due_at, sent_at, latency_s, f"lost: {type(error).__name__}")
        latency_s = self.runtime.now() - started_at - due_at
        if status != 200 or told["state"] != "done":
            why = f"{status}: {told.get('state', told.get('title', ''))}"
            return Row(number, due_at, sent_at, latency_s, why)
        found = told["result"]
        ordinal = int(told["task_id"].removeprefix("task-"), 16) - 1
        return Row(
            number, due_at, sent_at, latency_s, "done", ordinal, found["node_id"], found["waited_s"], found["ran_s"]
        )

    async def _connection(self) -> Connection:
        while self._idle:
            since, connection = self._idle.pop()
            if self.runtime.now() - since < IDLE_S and not connection[1].is_closing():
                return connection
            connection[1].close()
        self.connections_count += 1
        return await asyncio.open_connection("127.0.0.1", self.port)

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop()[1][1].close()
