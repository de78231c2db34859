"""Every registered strategy and law can be chosen by a config of its name; every config runs and is used somewhere.

A rule without a YAML cannot be reached, a YAML without a rule cannot run, and what no experiment or test names has
never been shown to work.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.bench.assemble import assemble
from sim.bench.compose import compose
from sim.registry import names
from tests.tidy.tracked import REPOSITORY, python_files, text_of

GROUPS = ("arrivals", "balancer", "service")
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
COLUMNS = [f"arrivals.columns.{name}={name}" for name in ("time", "prompt_tokens", "output_tokens", "service_s")]


def configs_of(group: str) -> list[str]:
    """The names of a group's YAML files."""
    return sorted(path.stem for path in (REPOSITORY / "conf" / group).glob("*.yaml"))


def overrides_for(group: str, name: str, folder: Path) -> list[str]:
    """What a choice needs besides its name: the file it reads, and a trace's arrivals where service comes from one."""
    chosen = [f"{group}={name}", *SMALL]
    content = FILES.get((group, name))
    if content is None:
        return chosen
    path = folder / f"{name}.csv"
    path.write_text(content, encoding="utf-8")
    if (group, name) == ("service", "trace"):
        return [*chosen, "arrivals=trace", f"arrivals.path={path}", *COLUMNS]
    return [*chosen, f"{group}.path={path}", *(COLUMNS if name == "trace" else [])]


@pytest.mark.parametrize("group", GROUPS)
def test_every_rule_has_a_config_of_its_name(group: str) -> None:
    assert sorted(set(names(group)) - set(configs_of(group))) == []


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in configs_of(group)])
def test_every_config_composes_and_runs(group: str, name: str, tmp_path: Path) -> None:
    config = compose(overrides_for(group, name, tmp_path))
    kind = getattr(config, group).kind
    assert kind in names(group)
    assert kind == name or name not in names(group), "a config of a rule's name must choose that rule"
    record = assemble(config, 0).run()
    assert len(record.attempts.request) > 0


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in configs_of(group)])
def test_every_config_is_used_by_an_experiment_or_a_test(group: str, name: str) -> None:
    experiments = [
        re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        for path in (REPOSITORY / "conf" / "experiment").glob("*.yaml")
    ]
    tests = [text_of(path) or "" for path in python_files("tests") if "tidy" not in path.parts]
    in_experiment = re.compile(rf"\b{name}\b")
    in_test = re.compile(rf"""["'=]{name}["',]""")  # a word of prose does not count
    used = any(map(in_experiment.search, experiments)) or any(map(in_test.search, tests))
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
