"""The live demo: Ctrl-C leaves no process behind; settings are proved with real times."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sim.bench.compose import compose
from sim.live.demo.settings import TUNING_WORDS, TYPES, WORDS
from sim.live.demo.tuned import LiveTuned
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.world.surfaces.windows import STANDING, TRIAL

START_S, END_S = 120.0, 60.0


def processes_of(url: str) -> list[str]:
    """Command lines that name where the nodes join."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if url in line:
            found.append(line)
    return found


def demo(*words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "sim.experiments.main", "demo", "--live", *words], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip


def test_ctrl_c_leaves_no_process_behind() -> None:
    process = demo()
    try:
        assert process.stdout is not None
        url = ""
        for line in process.stdout:
            if line.startswith("nodes join at:"):
                url = line.split()[3]
            if line.startswith("ready:"):
                break
        assert len(processes_of(url)) == 3
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=END_S)
        assert process.returncode == 130
        assert "interrupted" in rest
        assert "Traceback" not in rest
        assert processes_of(url) == []
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.soak
def test_everything_happens_live() -> None:
    process = demo("--quiet")
    said, _ = process.communicate(timeout=2 * START_S)
    assert process.returncode == 0, said
    assert said.splitlines()[-1].startswith("3 nodes, ")


def test_types_are_tried_and_proved_with_the_times_of_their_answers() -> None:
    runtime, log = VirtualRuntime(), EventLog()
    tuned = LiveTuned(compose([*WORDS, *TUNING_WORDS]), runtime, log, TYPES, 150.0)
    works: dict[int, list[float]] = {STANDING: [], TRIAL: []}

    async def client(name: str) -> None:
        while True:
            number, start, work_s = tuned.order(name)
            if number > 10_000:
                raise AssertionError("a runaway client")
            works[start[1]].append(work_s)
            await runtime.sleep(work_s / 4)  # four clients of each type
            tuned.answered(name, number, start, work_s)

    tuned.start()
    for name in TYPES:
        runtime.spawn(client(name), name)
    runtime.run_task(_sleep(runtime, 20.0))
    samples = tuned.optimizer.store.samples()
    assert {each.agent_id for each in samples} == set(TYPES)
    assert all(each.interaction_count >= 3 for each in samples)
    assert min(len(rows) for rows in works.values()) > 100
    pair = runtime.run_task(tuned.pair("coding", {}, {"max_tokens": 500.0}, 0))
    assert pair[1].means["response_time"] < pair[0].means["response_time"]
    runtime.run_task(tuned.apply("coding", {"max_tokens": 500.0}, "incumbent"))
    standing = {name: subject.tuning.standing[1] for name, subject in tuned.subjects.items()}
    assert standing == {**dict.fromkeys(TYPES, 2_000.0), "coding": 500.0}
    runtime.close()


async def _sleep(runtime: VirtualRuntime, duration_s: float) -> None:
    await runtime.sleep(duration_s)
