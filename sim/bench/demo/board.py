"""Real-time status of a demo: on a terminal a small table that is drawn again in its place, plain lines elsewhere.

What is shown is read from the objects at that instant: the gateway's status, the manager's nodes, the balancer's
counts, the optimizer's books. Events are told as they are written, each with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from sim.bench.demo.stage import Stage
from sim.runtime.events import Row

UP, CLEAR = "\x1b[{}A", "\x1b[J"
TOLD = (
    "fault_began", "fault_ended", "node_process_ended", "node_status", "scale_out", "scale_in", "node_removed",
    "optimization_proposed", "optimization_abstained", "verification_started", "promoted", "rolled_back",
    "verification_timed_out", "surrogate_trained",
)  # fmt: skip
REASON_MAX = 90


class Board:
    """`lines_every`: of a stream that is no terminal, one status line in so many looks."""

    def __init__(self, stage: Stage, stream: TextIO, lines_every: int = 1, quiet: bool = False) -> None:
        self.stage, self.stream, self.lines_every, self.quiet = stage, stream, lines_every, quiet
        self._drawn = self._looks = 0
        if not quiet:
            stage.log.listeners.append(self._happened)

    def say(self, text: str) -> None:
        """One line that stays."""
        if self.quiet:
            return
        self._wipe()
        print(f"{self.stage.runtime.now():8.1f} s  {text}", file=self.stream, flush=True)

    def look(self) -> None:
        """The status at this instant."""
        self._looks += 1
        if self.quiet:
            return
        if self.stream.isatty():
            lines = table_of(self.stage)
            self._wipe()
            print("\n".join(lines), file=self.stream, flush=True)
            self._drawn = len(lines)
        elif self._looks % self.lines_every == 0:
            self.say(line_of(self.stage))

    async def watch(self, every_s: float) -> None:
        """Look for ever."""
        while True:
            self.look()
            await self.stage.runtime.sleep(every_s)

    def _happened(self, row: Row) -> None:
        if row.kind in TOLD:
            self.say(told(row))

    def _wipe(self) -> None:
        if self._drawn:
            self.stream.write(UP.format(self._drawn) + CLEAR)
            self._drawn = 0


def told(row: Row) -> str:
    """An event in a line."""
    fields = dict(row.fields)
    change = f" {fields['old']} -> {fields['new']}" if "old" in fields and "new" in fields else ""
    reason = str(fields.get("reason") or fields.get("kind") or "")
    short = reason if len(reason) <= REASON_MAX else reason[: REASON_MAX - 3] + "..."
    return f"{row.kind} {row.subject}{change}" + (f": {short}" if short else "")


def line_of(stage: Stage) -> str:
    """The status in one line."""
    gateway, fleet, books = stage.gateway.status()["gateway"], stage.manager.status(), stage.optimizer.status()
    return (
        f"status: {fleet.nodes['online']} nodes online, {fleet.agents['ready']} agents ready, "
        f"{gateway['tasks_running']} tasks running, {gateway['requests']} requests answered, {books['samples']} samples"
    )


def table_of(stage: Stage) -> Sequence[str]:
    """The status as a table: a row a node, and the line below."""
    rows = [f"{'node':12} {'status':9} {'agents':>6} {'in flight':>9}"]
    for info in stage.manager.list_nodes():
        in_flight = stage.load.in_flight(info.node_id)
        rows.append(f"{info.node_id:12} {info.status.value:9} {info.current_load:6} {in_flight:9}")
    return [*rows, f"{stage.runtime.now():8.1f} s  {line_of(stage)}"]
