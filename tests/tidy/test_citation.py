"""One version, wherever it is told; and what every dependency is for stands beside it."""

from __future__ import annotations

import re
import tomllib

import pytest

from sim.experiments.main import main
from tests.tidy.tracked import REPOSITORY

TEXT = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]
README = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())


def test_version_citation_and_changes_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.split()[:2] == [PROJECT["name"], PROJECT["version"]]
    (cited,) = re.findall(r"\*victor-sim maintainers, ([^*]*)\*", README)
    assert cited.split(", ")[-2:] == [f"version {PROJECT['version']}", PROJECT["license"]]
    (changes,) = re.findall(r"- \*\*Changes\*\*: (\S+) ", README)
    assert changes == PROJECT["version"]


def test_every_dependency_says_what_it_is_for() -> None:
    named = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    lines = [line for line in TEXT.splitlines() if re.match(r'\s*(\w+ = \[)?"[a-z0-9-]+[<>=]', line)]
    requirements = [line for line in lines if any(f'"{one}"' in line for one in named)]
    assert len(requirements) >= len(set(named))
    silent = [line for line in requirements if not re.search(r"[,\]]\s+# \S.{4,}$", line)]
    assert silent == []
