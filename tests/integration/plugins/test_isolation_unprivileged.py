"""The same walls without root: a user namespace takes the place of what root may do, and the attacks end the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65534
REPOSITORY = Path(__file__).parents[3]
CODE = """
import os, sys
from tests.integration.plugins.attacks import FILES, NUMBERS, SYSCALLS
from tests.integration.plugins.hostile import hostile
from tests.integration.plugins.stage import Worker, nursery
assert os.getuid() != 0
stage = Worker(hostile(), required="process")
told = {name: stage.call(code.format(**NUMBERS) if "raw(" in code else code) for name, code in FILES.items()}
told |= {name: stage.call("told = " + code.format(**NUMBERS)) for name, code in SYSCALLS.items()}
let = [name for name, value in told.items() if str(value).removeprefix("denied: ") not in ("ENOENT", "EACCES", "EPERM")]
print(stage.runner.isolation(), len(told), let)
stage.close()
nursery().close()
"""


def as_nobody() -> tuple[str, dict[str, int]]:
    """An interpreter that an unprivileged user may start, with the arguments that make it one."""
    if os.getuid() != 0:
        return sys.executable, {}
    user = {"user": NOBODY, "group": NOBODY}
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        try:
            found = subprocess.run([python, "-c", "import os; os.stat(%r)" % __file__], **user, check=False)  # noqa: UP031
        except (PermissionError, FileNotFoundError):
            continue
        if found.returncode == 0:
            return python, user
    pytest.skip("no interpreter that nobody may start")


def test_isolation_without_root_denies_every_attack() -> None:
    python, user = as_nobody()
    path = os.pathsep.join([str(REPOSITORY), str(Path(pytest.__file__).parents[1])])
    done = subprocess.run(
        [python, "-B", "-c", CODE],
        **user,
        env={"PYTHONPATH": path, "PATH": os.defpath},
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    level, count, let = done.stdout.split(maxsplit=2)
    if level not in ("sealed", "confined"):
        pytest.skip(f"this machine gives an unprivileged user {level}")
    assert let.strip() == "[]"
    assert int(count) > 60
