"""Ctrl-C on a terminal while workers run: exit 130, finished replications stay, the same command goes on from there."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

WORDS = ["run", "horizon_s=400", "stats.replications=40", "launcher.workers=2", "name=long", "warmup=none"]
COMMAND = [sys.executable, "-m", "sim.experiments.main", *WORDS]


def replications(folder: Path) -> set[int]:
    """Numbers of the stored ones."""
    return {int(path.stem[-4:]) for path in folder.glob(".victor-sim/store/*/*/rep-*.json")}


def test_ctrl_c_loses_nothing_that_is_finished(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        COMMAND, cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        said = ""
        while not re.search(r"long: [1-9]\d*/40", said):  # the bar says that some are finished
            said += os.read(ours, 4096).decode()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        try:
            while data := os.read(ours, 4096):
                said += data.decode()
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 130, said
    os.close(ours)
    assert "Traceback" not in said
    found = re.search(r"interrupted; (\d+) of 40 replications are stored, the same command goes on from there", said)
    assert found is not None, said
    kept = replications(tmp_path)
    assert 1 <= int(found[1]) == len(kept) < 40
    fewer = [word.replace("replications=40", "replications=4") for word in COMMAND]
    done = subprocess.run(fewer, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert replications(tmp_path) == kept | set(range(4))
