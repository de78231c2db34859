"""Runs over what plugins bring (a strategy, a board, laws of arrivals and service), again from the journal alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.bench.assemble import assemble, run_replication
from sim.bench.compose import Composed, compose
from sim.bench.plan import make_plan
from sim.bench.replay import replay_run
from sim.bench.study import store_of
from sim.errors import InvalidRun, SimError
from sim.integration.plugins.journal import Brought, Journal, JournalFull
from sim.integration.plugins.protocol import PluginRefused, ReplayDiffers
from sim.types.records import RunRecord
from tests.integration.plugins.rig import write

SHARED: Composed = {}
FLEET = (
    "horizon_s=40", "drain_s=100", "fleet.nodes=4", "fleet.agents_per_node=3", "arrivals.utilization_ratio=0.7",
    "service.mean_s=1", "faults=crash", "faults.crash.mttf_s=40", "faults.crash.mttr_s=10", "health=aggressive",
    "retry=default", "failover=default", "plugins.journal=true", "plugins.enabled=[custom.brings]",
    "plugins.sandbox_plugins=false",
)  # fmt: skip
GONE = "raise SystemExit('this code must not run')\n"
CODE = """
import os
from sim.contracts import ArrivalChunk
from sim.scalability.autoscaler.policies.threshold import Threshold
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.choosers.join_idle_queue import join_idle_queue
from sim.scalability.balancer.least import least_loaded

def dice(fleet, state, draws, key, now):
    drawn = os.urandom(1)[0] if draws[0] < 0.5 else int(256 * draws[1])
    return state.slots[drawn % state.size]

def fewest(fleet, slot):
    return float(fleet.in_flight[slot])

class Uneven:
    terminating = False
    def __init__(self, rate_per_s): self.rate = rate_per_s
    def rate_per_s(self): return self.rate
    def chunks(self, draws, horizon_s):
        at, ordinal = 0.0, 0
        while at < horizon_s:
            found = []
            for _ in range(50):
                at += (0.5 + os.urandom(1)[0] / 256) / self.rate
                found.append(at)
            yield ArrivalChunk(ordinal, found)
            ordinal += 50

class Drawn:
    def __init__(self, mean): self.mean = mean
    def mean_s(self): return self.mean
    def work_s(self, draws, entities, chunk):
        return [self.mean * (0.5 + os.urandom(1)[0] / 256) for _ in entities]

def board(params):
    def blurred(now, held):
        return [each + os.urandom(1)[0] % 3 for each in held]
    return blurred

class Plugin:
    def __init__(self, context):
        context.provide("balancer", "dice", lambda params: Chooser(pick=dice, draws_count=2))
        context.provide("balancer", "best", lambda params: least_loaded(params, fewest))
        context.provide("balancer", "tokens", join_idle_queue)
        context.provide("arrivals", "uneven", lambda params, rate_per_s: Uneven(rate_per_s))
        context.provide("service", "drawn", lambda params: Drawn(params.mean_s))
        context.provide("signal", "blurred", board)
        context.provide("autoscaler", "bare", Threshold)
"""
PROVIDES = """
provides = ["balancer:dice", "balancer:best", "balancer:tokens", "arrivals:uneven", "service:drawn", "signal:blurred",
            "autoscaler:bare"]
hooks = []
"""
ALL = ("balancer.kind=dice", "arrivals.kind=uneven", "service.kind=drawn")
CASES = {
    "strategy": ("balancer.kind=dice",),
    "strategy of two dispatchers": ("balancer.kind=dice", "balancer.dispatchers=2"),
    "scored strategy": ("balancer.kind=best",),
    "board": ("balancer=least_connections", "balancer.signal=blurred", "balancer.refresh_s=1"),
    "arrivals": ("arrivals.kind=uneven",),
    "service": ("service.kind=drawn",),
    "all": ALL,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, "custom.brings", CODE, PROVIDES)


def run(folder: Path, *words: str, replay: Journal | None = None) -> tuple[Journal, RunRecord]:
    """A run, and its journal as it comes back from its file form; the code is gone while one is replayed."""
    config = compose([*FLEET, f"plugins.folders=['{folder.parent}']", *words], composed=SHARED)
    code = folder / "code.py"
    kept = code.read_text()
    if replay is not None:
        code.write_text(GONE)
    try:
        whole = assemble(config, 0, replay)
        record = whole.run()
    finally:
        code.write_text(kept)
    journal: Any = whole.plugged.journal
    return Journal.of_lines(journal.lines()), record


@pytest.mark.parametrize("case", CASES)
def test_a_run_replays_bit_by_bit_without_the_code(case: str, folder: Path) -> None:
    journal, record = run(folder, *CASES[case])
    assert sum(len(kept.answers) for kept in journal.brought) > (0 if case in ("arrivals", "service") else 30)
    again, replayed = run(folder, *CASES[case], replay=journal)
    assert (replayed.digest, replayed.counts) == (record.digest, record.counts)
    assert again.lines() == journal.lines(), "a replay may be replayed"
    if case != "scored strategy":
        assert run(folder, *CASES[case])[1].digest != record.digest, "the code does read entropy"


def test_a_run_that_asks_something_else_is_told_and_no_result(folder: Path) -> None:
    journal, _ = run(folder, *ALL)
    with pytest.raises(ReplayDiffers, match=r"of custom\.brings: [0-9a-f]{16} now, (arrivals|service):"):
        run(folder, *ALL, "horizon_s=41", replay=journal)
    _, (strategy,) = journal.loads, [each for each in journal.brought if each.name == "dice" and each.answers]
    last = strategy.answers.pop()
    with pytest.raises(ReplayDiffers, match="balancer:dice no more answers in the journal"):
        run(folder, *ALL, replay=journal)
    strategy.answers += [last, last]
    with pytest.raises(InvalidRun, match=r"1 answers of balancer:dice of custom\.brings in the journal were not asked"):
        run(folder, *ALL, replay=journal)
    strategy.answers.pop()
    journal.brought.append(Brought("custom.brings", "signal", "blurred"))
    with pytest.raises(InvalidRun, match=r"signal:blurred of custom\.brings in the journal was not made"):
        run(folder, *ALL, replay=journal)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("autoscaler=threshold", "autoscaler.max_nodes=6", "autoscaler.kind=bare"), "the journal holds none of it"),
        (("balancer.kind=tokens",), "no journal holds that"),
    ],
)
def test_what_no_journal_can_hold_is_refused_by_name(words: tuple[str, ...], why: str, folder: Path) -> None:
    journal, _ = run(folder, *words)
    with pytest.raises(PluginRefused, match=why) as caught:
        run(folder, *words, replay=journal)
    assert isinstance(caught.value, SimError)
    assert "custom.brings" in str(caught.value)


def test_a_stored_run_replays_from_its_journal(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    plan = make_plan([*FLEET, *ALL, f"plugins.folders=['{folder.parent}']", "stats.replications=1"])
    (point,) = plan.points
    store_of(plan).save(point.key, 0, run_replication(point.config, 0))
    text, same = replay_run(plan, "run", 0, from_journal=True)
    assert (text[:7], same) == ("equal: ", True)
    assert not replay_run(plan, "run", 0)[1], "the code does read entropy"


def test_answers_are_bounded_with_the_calls() -> None:
    journal, kept = Journal(entries_max=3), Brought("custom.a", "balancer", "mine")
    journal.begin(0.5, "custom.a", "startup", {})
    for slot in (1, 2):
        journal.answer(kept, "asked", slot)
    for more in (lambda: journal.answer(kept, "asked", 3), lambda: journal.begin(1.0, "custom.a", "startup", {})):
        with pytest.raises(JournalFull, match="3 entries"):
            more()
    assert kept.answers == [("asked", 1), ("asked", 2)]
