"""The demo on virtual time from its words to its report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from sim.bench.compose import compose
from sim.bench.demo.account import account, report
from sim.bench.demo.board import Board
from sim.bench.demo.settings import AFTER_S, WORDS
from sim.bench.demo.story import Story
from sim.bench.demo.virtual import VirtualStage
from sim.types.records import OK, RunRecord

LOOK_S = 30.0  # virtual seconds between two looks at the fleet
LINES_EVERY = 20  # looks


def demo(overrides: Sequence[str], config_dir: Path | None, stream: TextIO, quiet: bool = False) -> int:
    """Play it; 1 when a part did not happen. Raises `ConfigError`."""
    started, cpu_s = time.perf_counter(), time.process_time()
    stage = VirtualStage(compose([*WORDS, *overrides], config_dir))
    board = Board(stage, stream, LINES_EVERY, quiet)
    story = Story(stage, board.say, LOOK_S)

    async def life() -> None:
        await story.play()
        await stage.runtime.sleep(AFTER_S)
        stage.assembly.world.end()

    record = stage.run(story.deploy, [life, lambda: board.watch(LOOK_S)])
    board.look()
    parts = account(stage, story.told, served_by(record))
    print("\n".join(report(parts, story.told, stage)), file=stream, flush=True)
    if not quiet:
        spent = f"{time.perf_counter() - started:.1f} s ({time.process_time() - cpu_s:.1f} s of processor)"
        print(f"{record.ended_at:.0f} virtual seconds in {spent}; digest {record.digest}", flush=True)
    return 0 if all(part.happened for part in parts) else 1


def served_by(record: RunRecord) -> dict[str, int]:
    """Answered attempts by node, oldest first."""
    table = record.attempts
    nodes = table.node[table.status == OK]
    return {name: int((nodes == ordinal).sum()) for ordinal, name in enumerate(record.nodes.node_id)}
