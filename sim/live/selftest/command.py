"""What `victor-sim serve --selftest` does: the kills, their ledger, and one line that sums them up."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.live.selftest.kills import Kills, Round, line_of
from sim.runtime.live import LiveRuntime

COLUMNS = ("number", "kind", "killed_at", "sent", "accepted", "done", "failed", "recovered_s", "assignment")


def selftest(kills: int, seed: int, out: Path | None, say: Callable[[str], None] = print) -> int:
    """1 when anything does not hold. `out` is written anew after every round, so that an interrupt loses none."""
    rounds: list[Round] = []

    def told(this: Round) -> None:
        rounds.append(this)
        say(line_of(this))
        if out is not None:
            write_rounds(out, rounds)

    async def whole(state: Path) -> list[Round]:
        runtime = LiveRuntime()
        try:
            return await Kills(runtime, state, seed, told).run(kills)
        finally:
            await runtime.close()

    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        asyncio.run(whole(Path(folder)))
    say(summary_of(rounds))
    return int(any(this.violations for this in rounds))


def write_rounds(path: Path, rounds: Sequence[Round]) -> None:
    """One row a kill."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "violations"])
        for this in rounds:
            cells = [getattr(this, name) for name in COLUMNS]
            rounded = [round(cell, 3) if isinstance(cell, float) else cell for cell in cells]
            writer.writerow([*rounded, "; ".join(this.violations)])


def summary_of(rounds: Sequence[Round]) -> str:
    """The line that counts."""
    total = {name: sum(getattr(this, name) for this in rounds) for name in ("sent", "accepted", "done", "failed")}
    restarts = [this.assignment for this in rounds if this.assignment]
    return (
        f"{len(rounds)} kills, {total['accepted']} of {total['sent']} tasks accepted, {total['done']} answered, "
        f"{total['failed']} failed with a reason, assignment the same after {restarts.count('same')} of "
        f"{len(restarts)} kills of the server alone, {sum(len(this.violations) for this in rounds)} violations"
    )
