"""The gateway before the fleet: G1, G2 and G4, seen at the door itself.

Which client a request is of, and whether it shows a key that nobody issued, are draws of the request that are drawn
again here. G2 over every stretch of time: with f(i) = i - rate t_i over the instants a client was let in, the largest
rise of f, one more, is the smallest burst that would have allowed it. G4 looks for the issued keys in every event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.bench.schema import Config
from sim.bench.storm.findings import Findings
from sim.runtime.draws import GATEWAY_CLIENT, GATEWAY_KEY
from sim.runtime.events import Row
from sim.world.gate import Serve

EDGE = 1e-6  # requests: the limiter's clock has ticks of 1 / limit ns


class DoorWatch:
    """`tap` the door of an assembly before it runs; `judge` when it is over."""

    def __init__(self, findings: Findings, config: Config, now: Callable[[], float]) -> None:
        self.findings, self.group, self.now = findings, config.gateway, now
        self.let_in: dict[int, list[float]] = {}
        self._keys: list[str] = []

    def tap(self, door: Any) -> None:
        """Stand before it."""
        ask, draws, group = door.ask, door.draws, self.group
        self._keys = [value.decode() for headers in door._headers for name, value in headers if name == b"x-api-key"]

        async def asked(request: int, serve: Serve) -> int:
            client = int(draws.uniform(GATEWAY_CLIENT, request) * group.clients_count)
            ratio = group.unknown_key_ratio
            unknown = bool(ratio) and draws.uniform(GATEWAY_KEY, request) < ratio

            async def served() -> int:
                name = f"request {request}"
                self.findings.hold("G1", not unknown, self.now(), name, lambda: "it has no good key and is served")
                self.let_in.setdefault(client, []).append(self.now())
                return await serve()

            status: int = await ask(request, served)
            if unknown:
                self.findings.seen("a key that nobody issued")
            return status

        door.ask = asked

    def judge(self, rows: list[Row], at: float) -> None:
        """Over the whole run."""
        group = self.group
        rate_per_s = group.default_rate_limit / group.rate_period_s
        burst = group.rate_burst or group.default_rate_limit
        for client, instants in self.let_in.items():
            needed, lowest = 0.0, float("inf")
            for number, instant in enumerate(instants):
                level = number - rate_per_s * instant
                lowest = min(lowest, level)
                needed = max(needed, level - lowest + 1.0)
            told = f"{len(instants)} requests let in need a burst of {needed:g}, {burst} is allowed"
            self.findings.hold("G2", needed <= burst + EDGE, at, f"client {client}", lambda t=told: t)  # type: ignore[misc]
            if needed > burst - 0.5:
                self.findings.seen("a rate limit that is reached")
        text = "\n".join(str(row.fields) + row.subject for row in rows)
        shown = [number for number, key in enumerate(self._keys) if key in text]
        self.findings.hold("G4", not shown, at, "events", lambda: f"the keys of clients {shown} stand in the event log")
