"""The best of every published study is accepted by `run`, and by `serve` but for what a served fleet has not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from sim.bench.compose import compose
from sim.bench.manifest import portable
from sim.bench.plan import make_plan
from sim.errors import ConfigError
from sim.live.serve.asked import LIVE, asked_for
from sim.live.serve.server import check_served
from tests.tidy.tracked import REPOSITORY

BEST = sorted((REPOSITORY / "results/published").glob("*/best.yaml"))
REFUSED = {  # and serve says so: live requests are not hedged yet, nor called off at a node without a deadline
    "tail_tolerance": r"^hedge\.after_s=0\.\d+: accepted is null with serve",
    "metastable": "^deadline_propagation=dequeue: accepted is none without deadline_s$",
    "is_retry_safe": "^deadline_propagation=dequeue: accepted is none without deadline_s$",
}


def saved(path: Path, here: Path) -> list[str]:
    """The words for it, in a folder where its trace lies, if it has one."""
    arrivals = yaml.safe_load(path.read_text(encoding="utf-8"))["arrivals"]
    if arrivals.get("path"):
        columns = {name: column for name, column in arrivals.get("columns", {}).items() if column}
        trace = here / arrivals["path"]
        trace.parent.mkdir(parents=True)
        names = list(columns.values()) or ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
        rows = [",".join(f"{row + 1}" for _ in names) for row in range(3)]
        trace.write_text("\n".join([",".join(names), *rows, ""]), encoding="utf-8")
    return [f"config={path}"]


def test_there_are_studies() -> None:
    assert len(BEST) >= 15


@pytest.mark.parametrize("path", BEST, ids=lambda path: path.parent.name)
def test_the_best_is_run_and_served(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = saved(path, tmp_path)
    (point,) = make_plan([*words, "engine=simpy"]).points  # which needs nothing compiled to name its engine
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    again = portable(point.config)
    for group in ("balancer", "fleet", "arrivals", "retry", "health"):
        known = {key: value for key, value in tree.get(group, {}).items() if key in again[group]}
        assert {key: again[group][key] for key in known} == known
    config = compose(asked_for(words))
    assert config.balancer == point.config.balancer
    assert (config.health.detector, config.failover.enabled) != ("none", False)
    for group, (_, key, off) in LIVE.items():
        value = tree.get(group, {}).get(key.split(".")[1], off)
        if str(value).lower() != off:
            assert getattr(config, group) == getattr(point.config, group), f"{group} is the study's"
    refused = REFUSED.get(path.parent.name)
    if refused is not None:
        with pytest.raises(ConfigError, match=refused):
            check_served(config)
    else:
        check_served(config)


def test_what_is_not_saved_is_on_by_default() -> None:
    assert asked_for([]) == ["health=aggressive", "failover=default", "retry=default"]
    assert asked_for(["retry=none"])[-1] == "retry=none"
    assert compose(asked_for(["retry=none"])).retry.attempts_max == 1
