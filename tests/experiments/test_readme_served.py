"""What README serves, in processes of their own on free ports: the live block as it stands, and the commands of it.

A served fleet ends when it is told to; each is, and ends with exit code 0.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.experiments.readme import blocks
from tests.experiments.readme_forms import SERVED

Said = Callable[..., tuple[int, str, str]]
END_S = 60.0  # a test that hangs fails
SMALL = "fleet.nodes=2 fleet.agents_per_node=1 gateway.port=0"


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, none of which outlives the test."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("command", SERVED)
def test_it_serves_until_it_is_told_to_end(command: str, said: Said) -> None:
    if SERVED[command]:
        assert said(*shlex.split(SERVED[command]))[0] == 0
    words = shlex.split(f"{command.removesuffix(' ...').removeprefix('victor-sim ')} {SMALL}")
    with running(sys.executable, "-m", "sim.experiments.main", *words) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("ready: "):
                process.send_signal(signal.SIGTERM)
        assert process.wait(END_S) == 0, "".join(told)
        assert "ready: 2 nodes, 2 agents\n" in told


def test_the_live_block_answers_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the port is another one: a free one in the place of 8000."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not there")
    (block,) = [text for text in blocks() if "curl " in text]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert block.count(":8000/") == block.count(" &\n") == 1
    block = block.replace(":8000/", f":{port}/").replace(" &\n", f" gateway.port={port} >served.txt 2>&1 &\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with running("bash", "-euo", "pipefail", "-c", f"{block}\nkill -TERM $!\nwait $!\n") as process:
        told, _ = process.communicate(timeout=END_S)
        assert process.returncode == 0, told + Path("served.txt").read_text(encoding="utf-8")
    answer = json.loads(told.splitlines()[-1])
    assert (answer["state"], answer["result"]["result"]) == ("done", {"said": "HELLO"}), answer
