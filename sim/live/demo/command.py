"""The live demo from its words to its report; whatever ends it, no node process is left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from sim.bench.compose import compose
from sim.bench.demo.account import account, report
from sim.bench.demo.board import Board
from sim.bench.demo.story import Story
from sim.live.demo.settings import BURST_AT, BURST_FOR_S, KILL_AT, LIMIT_S, TUNING_WORDS, WORDS, shortened
from sim.live.demo.stage import LiveStage
from sim.runtime.live import LiveRuntime

LOOK_S = 1.0
LINES_EVERY = 5


def live_demo(overrides: Sequence[str], config_dir: Path | None, stream: TextIO, quiet: bool = False) -> int:
    """Play it; 1 when a part did not happen in time. Raises `ConfigError`."""
    with TemporaryDirectory(prefix="victor-sim-demo-") as state:
        return asyncio.run(_whole([*overrides, f"paths.state={state}"], config_dir, stream, quiet))


async def _whole(overrides: list[str], config_dir: Path | None, stream: TextIO, quiet: bool) -> int:
    config = compose([*WORDS, *overrides], config_dir)
    tuning = compose([*WORDS, *TUNING_WORDS, *overrides], config_dir)
    runtime = LiveRuntime()

    def say(line: str) -> None:
        if not quiet:
            print(line, file=stream, flush=True)

    say(f"live, on loopback: {shortened()}")
    stage = LiveStage(config, tuning, runtime, say)
    board = Board(stage, stream, LINES_EVERY, quiet)
    story = Story(stage, board.say, LOOK_S)
    try:
        await stage.start()
        try:
            async with runtime.timeout(LIMIT_S):
                await _play(stage, story, board, runtime)
        except TimeoutError:
            say(f"not everything happened within {LIMIT_S:g} s")
        parts = account(stage, story.told, dict(sorted(stage.served.items())))
        print("\n".join(report(parts, story.told, stage)), file=stream, flush=True)
        return 0 if all(part.happened for part in parts) else 1
    finally:
        await stage.stop()
        await runtime.close()


async def _play(stage: LiveStage, story: Story, board: Board, runtime: LiveRuntime) -> None:
    runtime.spawn(board.watch(LOOK_S), "board")
    await story.deploy()
    stage.clients()
    runtime.spawn(_strike(stage, runtime), "strike")
    runtime.spawn(_burst(stage, runtime), "burst")
    await story.play()
    while not all(part.happened for part in account(stage, story.told, stage.served)):
        await runtime.sleep(LOOK_S)


async def _strike(stage: LiveStage, runtime: LiveRuntime) -> None:
    await runtime.sleep(KILL_AT)
    await stage.kill_and_restart()


async def _burst(stage: LiveStage, runtime: LiveRuntime) -> None:
    await runtime.sleep(BURST_AT)
    stage.bursting = True
    await runtime.sleep(BURST_FOR_S)
    stage.bursting = False
