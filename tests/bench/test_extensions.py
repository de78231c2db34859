"""The user's own strategy: loaded from the file that the config names, chosen by name, told in one line when broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.extensions import load_extensions
from sim.errors import ConfigError
from sim.registry import names

pytestmark = pytest.mark.usefixtures("own_registry", "here")

LAST = """
from sim.registry import register
from sim.scalability.balancer.chooser import Chooser

def pick_last(fleet, state, draws, key, now):
    return state.slots[state.size - 1]

@register("balancer", "last")
def last(params):
    return Chooser(pick=pick_last)
"""


def test_an_own_strategy_is_chosen_by_its_name() -> None:
    Path("rule.py").write_text(LAST, encoding="utf-8")
    small = ["fleet.nodes=3", "horizon_s=20", "arrivals.rate_per_s=2"]
    config = compose(["extensions=[rule.py]", "balancer.kind=last", *small])
    assert config.balancer.kind in names("balancer")
    record = run_replication(config, 0)
    assert set(record.attempts.node.tolist()) == {2}
    load_extensions(["rule.py"])  # again does nothing


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 / 0\n", r"a file that imports \(ZeroDivisionError: division by zero\)"),
        ("def (\n", r"a file that imports \(SyntaxError: "),
        (LAST.replace('"last"', '"random"'), r"^balancer=random: accepted is a name that is not registered yet$"),
    ],
)
def test_a_broken_file_is_one_line(text: str, problem: str) -> None:
    Path("broken.py").write_text(text, encoding="utf-8")
    for _ in range(2):  # a file that failed is not remembered as loaded
        with pytest.raises(ConfigError, match=problem):
            load_extensions(["broken.py"])
    Path("words.txt").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^extensions=words\.txt: accepted is paths of Python files"):
        load_extensions(["words.txt"])
