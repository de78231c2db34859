"""The starter folder: what is in it, where it may be put, and that its strategy picks what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.schema import Config
from sim.bench.starter import write_starter
from sim.errors import ConfigError
from sim.scalability.balancer.fleet_state import Facts, FleetState, ViewState


@pytest.fixture
def starter(here: Path) -> Iterator[Path]:
    """The starter, written into the working folder."""
    write_starter(here)
    return here


def test_every_file_is_there_and_the_trace_is_the_sample(here: Path, repository: Path) -> None:
    written = write_starter(here / "deep" / "mine")
    assert [path.relative_to(here / "deep" / "mine").as_posix() for path in written] == [
        "README.md", "conf/balancer/least_of_three.yaml", "conf/experiment/mine.yaml", "conf/fleet/mine.yaml",
        "strategy.py", "trace.csv",
    ]  # fmt: skip
    sample = repository / "sim" / "world" / "data" / "sample_trace.csv"
    assert written[-1].read_bytes() == sample.read_bytes()


def test_a_folder_that_holds_something_is_left_alone(here: Path) -> None:
    (here / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"accepted is a folder that is empty or not there yet$"):
        write_starter(here)
    with pytest.raises(ConfigError, match=r"^DIR=.*/file/deep: accepted is a folder that can be made"):
        write_starter(here / "file" / "deep")
    assert [path.name for path in here.iterdir()] == ["file"]


@pytest.mark.usefixtures("own_registry")
def test_its_strategy_takes_the_emptiest_for_its_weight(starter: Path) -> None:
    from sim.bench.starter.strategy import pick_least_of_three

    facts = Facts(4)
    fleet, state = FleetState(4, facts, is_local=True), ViewState(4)
    state.size = 4
    for slot, (count, weight) in enumerate(((3, 1.0), (3, 2.0), (0, 0.5), (5, 1.0))):
        state.slots[slot], fleet.count[slot], fleet.weight[slot] = slot, count, weight
    at = {slot: (slot + 0.5) / 4 for slot in range(4)}  # the draw that looks at a slot

    def pick(*slots: int) -> int:
        return pick_least_of_three(fleet, state, [at[slot] for slot in slots], 0, 0.0)

    assert pick(0, 1, 3) == 1, "(3 + 1) / 2 is less than (3 + 1) / 1"
    assert pick(0, 1, 2) == 1, "the first drawn wins a tie: (3 + 1) / 2 = (0 + 1) / .5"
    assert pick(2, 1, 0) == 2
    assert pick(3, 3, 3) == 3


@pytest.mark.usefixtures("own_registry")
def test_its_strategy_runs_on_its_fleet(starter: Path) -> None:
    def config(*words: str) -> Config:
        return compose(["experiment=mine", "balancer=least_of_three", "horizon_s=5", *words], starter / "conf")

    record = run_replication(config(), 0)
    assert (len(record.nodes.node_id), record.nodes.speed.tolist()) == (6, [1.0, 1.0, 2.0] * 2)
    assert len(record.attempts) > 20
    assert record.terminating
