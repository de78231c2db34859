"""ruff, strict mypy and import-linter pass over the whole tree.

conf, experiments and plugins are packages inside `sim` only once installed. The type checker and the import linter read
files, so that they look at a copy of the code in the form it is installed in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tidy.tracked import CODE_FOLDERS, REPOSITORY, python_files

CONFIG = str(REPOSITORY / "pyproject.toml")


def _run(*command: str, folder: Path = REPOSITORY, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def installed_form(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `sim` with conf, experiments and plugins inside, times kept so that caches stay good."""
    top = tmp_path_factory.mktemp("installed_form")
    for path in python_files(*CODE_FOLDERS):
        target = top / path if path.parts[0] == "sim" else top / "sim" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / path, target)
    return top


def test_ruff_finds_nothing() -> None:
    _run("-m", "ruff", "check", "--output-format=concise", ".")


def test_ruff_would_format_nothing() -> None:
    _run("-m", "ruff", "format", "--check", ".")


def test_mypy_is_content(installed_form: Path) -> None:
    cache = REPOSITORY / ".mypy_cache"
    _run("-m", "mypy", "--config-file", CONFIG, "--cache-dir", str(cache), "--package", "sim", folder=installed_form)


def test_imports_run_one_way(installed_form: Path) -> None:
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    _run("-c", lint, "--config", CONFIG, "--no-cache", folder=installed_form, env={"PYTHONPATH": str(installed_form)})
