"""Every `victor-sim` command in README is one that the command line accepts: verb, flags, groups, keys and values."""

from __future__ import annotations

import re
import shlex

import pytest

from sim.bench.completion import flags_of
from sim.bench.compose import Composed, compose
from sim.bench.keys import find
from sim.experiments.main import VERBS
from tests.experiments.readme import REPOSITORY, commands

PLACE = re.compile(r"\b[A-Z]{3,}\b|\.\.\.")  # NAME, DIR: the reader's own
CONF = REPOSITORY / "conf"
SHARED: Composed = {}


def test_there_are_commands() -> None:
    assert len(commands()) >= 30


@pytest.mark.parametrize("command", commands())
def test_the_command_is_accepted(command: str) -> None:
    words = shlex.split(re.sub(r"\s+#.*", "", command))[1:]
    if words[0] in ("--version", "--completion"):
        return
    verb, rest = words[0], words[1:]
    assert verb in VERBS
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in flags_of(verb), word
    if verb not in ("run", "serve", "node") or {"--config-dir", "--selftest"} & set(rest):
        return
    overrides = [word for word in rest if "=" in word and not word.startswith("-") and not PLACE.search(word)]
    for word in overrides:
        name, _, value = word.partition("=")
        choices = CONF / name
        if choices.is_dir():
            for choice in value.strip("[]").split(","):
                assert (choices / f"{choice}.yaml").exists(), word
        else:  # an experiment's own swept names are its business
            assert find(name) or name == "config" or any("experiment=" in each for each in overrides), word
    kept = [word for word in overrides if not word.startswith(("config=", "experiment="))]
    if "--multirun" not in rest and len(kept) == len(overrides):
        compose(kept, composed=SHARED)
