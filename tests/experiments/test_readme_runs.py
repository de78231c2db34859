"""Every `victor-sim` command in README is run, in an empty folder and shortened as readme_forms.py says.

Long ones, shortened or not, are soak; what can be run in no short form is named with the test that runs its parts.
Commands that serve stand in test_readme_served.py.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.experiments.readme import REPOSITORY, commands
from tests.experiments.readme_forms import ELSEWHERE, FORMS, SERVED, SOAK, Form

Said = Callable[..., tuple[int, str, str]]


def inputs() -> None:
    """A trace of 240 requests in two minutes, there too where a study looks for its own, and rates of ten hours."""
    rows = [f"{number * 0.5},{100 + number % 7 * 50},{20 + number % 5 * 10}" for number in range(240)]
    text = "\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows, ""])
    Path("data").mkdir()
    for path in ("trace.csv", "data/azure_llm_2023_code.csv"):
        Path(path).write_text(text, encoding="utf-8")
    bins = "".join(f"{number * 600},{0.5 + number % 3 * 0.2},1.2,Gamma\n" for number in range(60))
    Path("data/servegen_m-mid_client36.csv").write_text(bins, encoding="utf-8")


def runs(command: str, form: Form, said: Said) -> None:
    inputs()
    for earlier in form.first:
        code, out, err = said(*shlex.split(earlier))
        assert code == 0, out + err
    code, out, err = said(*shlex.split(form.of(command)))
    assert 0 <= code <= form.code, out + err
    assert form.said in f"\n{out}", out + err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", FORMS)
def test_it_runs(command: str, said: Said) -> None:
    runs(command, FORMS[command], said)


@pytest.mark.soak
@pytest.mark.parametrize("command", SOAK)
def test_it_runs_if_it_may_take_longer(command: str, said: Said) -> None:
    runs(command, SOAK[command], said)


def test_every_command_is_run_and_nothing_else_is_listed() -> None:
    listed = [*FORMS, *SOAK, *SERVED, *ELSEWHERE]
    assert len(listed) == len(set(listed))
    assert sorted(listed) == sorted(commands())


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_run_elsewhere_is_run_there(command: str) -> None:
    why, path, words = ELSEWHERE[command]
    assert why
    assert words in (REPOSITORY / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", commands("make"))
def test_targets_are_there(command: str) -> None:
    """What the targets do is what the suite and the commands above do, in an environment made for it."""
    target, *values = command.split()[1:]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}: .*## ", makefile, re.MULTILINE), command
    assert all(f"{value.partition('=')[0]} ?=" in makefile for value in values), command


@pytest.mark.parametrize("command", commands("pytest") + commands("python -m"))
def test_tests_that_are_named_are_there(command: str) -> None:
    """They run in the suite, or as the soak tests and searches that they are."""
    words = shlex.split(command)
    paths = [word for word in words if word.startswith("tests/")]
    modules = [word.replace(".", "/") + ".py" for word in words if word.startswith("tests.")]
    assert paths + modules
    for path in paths + modules:
        assert (REPOSITORY / path).exists(), command
