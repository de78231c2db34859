"""Every registered strategy and law can be chosen by a config of its name; every config runs and is used somewhere.

A rule without a YAML cannot be reached, a YAML without a rule cannot run, and what no experiment or test names has
never been shown to work.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.bench.assemble import assemble
from sim.bench.compose import Composed, compose
from sim.bench.rules import faults_of
from sim.bench.schema import Config
from sim.registry import names
from tests.tidy.tracked import REPOSITORY, python_files, text_of

# Config group -> the registry's group of which it chooses a rule; None: a part that is on or off.
GROUPS = {
    "admission": None,
    "arrivals": "arrivals",
    "autoscaler": "autoscaler",
    "balancer": "balancer",
    "breaker": None,
    "failover": None,
    "faults": "fault",
    "gateway": None,
    "health": "detector",
    "hedge": None,
    "optimizer": None,
    "plugins": None,
    "retry": None,
    "service": "service",
}
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((REPOSITORY / "conf" / group).glob("*.yaml"))]
SHARED: Composed = {}
SMALL = ["fleet.nodes=2", "fleet.agents_per_node=2", "horizon_s=20", "drain_s=20"]

# Laws that read a file, with a tiny one to read.
TRACE = "time,prompt_tokens,output_tokens,service_s\n" + "".join(
    f"{i * 0.5},{100 + i},{10 + i},0.25\n" for i in range(20)
)
FILES = {
    ("arrivals", "trace"): TRACE,
    ("arrivals", "rates"): "0,2.0,1.0\n10,3.0,2.0\n20,1.0,1.5\n",
    ("service", "empirical"): "0.1 0.0\n0.5 0.5\n1.0 1.0\n",
    ("service", "trace"): TRACE,
}
# A fault that strikes within a short run, and whose lost answers are given up.
STRIKE = ["horizon_s=100", "retry.attempt_timeout_s=5"]
COLUMNS = [f"arrivals.columns.{name}={name}" for name in ("time", "prompt_tokens", "output_tokens", "service_s")]


def chosen(config: Config, group: str) -> list[str]:
    """The registered rules that a config chooses in a group."""
    if group == "faults":
        return list(faults_of(config))
    part = getattr(config, group)
    return [part.detector if group == "health" else part.kind]


def overrides_for(group: str, name: str, folder: Path) -> list[str]:
    """What a choice needs besides its name: the file it reads, and a trace's arrivals where service comes from one."""
    words = [f"{group}={name}", *SMALL, *(["service=agent"] if group == "optimizer" else [])]
    content = FILES.get((group, name))
    if group == "faults":
        often = [] if name in ("none", "overload", "poison_request") else [f"faults.{name}.mttf_s=20"]
        return [*words, *STRIKE, *often]
    if content is None:
        return words
    path = folder / f"{name}.csv"
    path.write_text(content, encoding="utf-8")
    if (group, name) == ("service", "trace"):
        return [*words, "arrivals=trace", f"arrivals.path={path}", *COLUMNS]
    return [*words, f"{group}.path={path}", *(COLUMNS if name == "trace" else [])]


@pytest.mark.parametrize(("group", "registered"), [(group, found) for group, found in GROUPS.items() if found])
def test_every_rule_is_chosen_by_a_config(group: str, registered: str, tmp_path: Path) -> None:
    configs = [name for where, name in CHOICES if where == group]
    if group != "health":  # whose configs are named for who sets them so
        assert sorted(set(names(registered)) - set(configs)) == []
    composed = [compose(overrides_for(group, name, tmp_path), composed=SHARED) for name in configs]
    assert set(names(registered)) <= {rule for config in composed for rule in chosen(config, group)}


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_config_composes_and_runs(group: str, name: str, tmp_path: Path) -> None:
    config = compose(overrides_for(group, name, tmp_path), composed=SHARED)
    registered = GROUPS[group]
    if registered is not None:
        rules = chosen(config, group)
        assert set(rules) <= set(names(registered))
        assert name not in names(registered) or rules == [name], "a config of a rule's name must choose that rule"
    record = assemble(config, 0).run()
    assert len(record.attempts.request) > 0
    if group == "faults" and name not in ("none", "poison_request"):
        assert record.episodes is not None
        assert set(record.episodes.kind) == {name}


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_config_is_used_by_an_experiment_or_a_test(group: str, name: str) -> None:
    composed = [REPOSITORY / "conf" / "config.yaml", *(REPOSITORY / "conf" / "experiment").glob("*.yaml")]
    experiments = [re.sub(r"#.*", "", path.read_text(encoding="utf-8")) for path in composed]
    tests = [text_of(path) or "" for path in python_files("tests") if "tidy" not in path.parts]
    listed = rf"(?:[\w\s,-]*\W)?{name}\b"  # alone, or one of several
    in_experiment = re.compile(rf"\b{group}(?:=|: *)\[?{listed}")
    in_test = rf"\b{group}=\[?{listed}"
    registered = GROUPS[group]
    if registered is not None and name in names(
        registered
    ):  # a rule's name in quotes is that rule, a word of prose not
        in_test += rf"""|["'=]{name}["',]"""
    used = any(map(in_experiment.search, experiments)) or any(re.search(in_test, text) for text in tests)
    assert used, f"{group} {name} is used nowhere"


def test_every_experiment_says_how_to_run_it_and_what_it_asks() -> None:
    problems = []
    for path in sorted((REPOSITORY / "conf" / "experiment").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        opening = "\n".join(line for line in text.splitlines() if line.startswith("#"))
        if f"experiment={path.stem}" not in opening:
            problems.append(f"{path.name}: no command at the top")
        if not re.search(r"^  question: *\S", text, re.MULTILINE):
            problems.append(f"{path.name}: no question")
    assert problems == []
