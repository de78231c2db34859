"""A small sweep on the real engine, run once a test file in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.outcome import finish
from sim.bench.plan import Plan, make_plan
from sim.measure.summary import StudySummary
from sim.report.page import write_report

TINY = ["horizon_s=400", "fleet.nodes=2", "fleet.agents_per_node=2", "stats.replications=3", "launcher.workers=1"]
SWEEP = ["balancer=random,power_of_d", *TINY, "name=tiny", "stats.keep_requests=true"]


def no_report(summary: StudySummary, folder: Path) -> None:
    """Leaves a mark instead of a report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(summary.name, encoding="utf-8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """A folder in which the sweep was run once, and its plan."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        plan = make_plan(SWEEP, multirun=True)
        assert finish(plan, write_report) == 0
    return folder, plan


@pytest.fixture
def study(done: tuple[Path, Plan], monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan that was run, inside its folder."""
    monkeypatch.chdir(done[0])
    return done[1]
