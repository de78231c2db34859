"""The instrument that holds two engines against each other: what it finds, how small, what it keeps. SimPy on both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.bench import engines
from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.dice import write_inputs
from sim.bench.engine_differences import Difference, differences
from sim.bench.engines import NotSupported, Side, compare, random_configurations, run_one, shrink
from sim.bench.ledger import Ledger, ledger_of
from sim.bench.random_configs import draw_overrides
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.types.records import RunRecord

SEED = 3
SAME = (Side("simpy"), Side("simpy"))
SIZES = {"horizon_s", "fleet.nodes", "fleet.agents_per_node"}


def other_ties(config: Config) -> RunRecord:
    """Ties of least connections go to the lowest instead of where the config says."""
    if config.balancer.kind == "least_connections":
        config = replace(config, balancer=replace(config.balancer, ties="lowest"))
    return run_one(config)


def later_retries(config: Config) -> RunRecord:
    """Retries wait a millionth longer."""
    return run_one(replace(config, retry=replace(config.retry, backoff_s=config.retry.backoff_s * (1.0 + 1e-6))))


def test_simpy_equals_itself_over_everything_that_is_drawn(tmp_path: Path) -> None:
    found = random_configurations(60, SEED, "all", SAME, inputs=write_inputs(tmp_path))
    assert found.unequal == [], found.as_text(SEED, "all")
    assert found.equal_count == found.done_count == 60
    assert found.requests_count > 60 * 150
    said = found.as_text(SEED, "all").splitlines()
    assert said[0].startswith("seed 3, all: 60 of 60 configurations equal bit by bit, ")
    assert "faults at once: 1 " in said[1]


def test_a_tie_rule_that_differs_is_found_and_shrunk_to_its_strategy(tmp_path: Path) -> None:
    sides, base = (Side("simpy"), Side("simpy", other_ties)), compose([])
    found = random_configurations(60, SEED, sides=sides, ledger=Ledger(tmp_path / "ledger.jsonl"))
    drawn = [draw_overrides(SEED, number) for number, _, _ in found.unequal]
    assert len(drawn) >= 2
    assert {overrides["balancer.kind"] for overrides in drawn} == {"least_connections"}
    for _, names, command in found.unequal:
        keys = [word.split("=")[0].strip('"') for word in command.split()[3:]]
        assert {"balancer.kind"} < set(keys) <= SIZES | {"balancer.kind", "balancer.ties", "seed", "fleet.speeds"}, (
            command
        )
        assert names[0].startswith("attempts."), names
    smallest = shrink(base, drawn[0], sides)
    assert 1 <= compare(base, smallest, sides).requests_count <= 20


def test_a_difference_under_fire_is_shrunk_to_what_it_takes() -> None:
    sides, base, number = (Side("simpy"), Side("simpy", later_retries)), compose([]), 0
    while not compare(base, overrides := draw_overrides(SEED, number, "fire"), sides).different:
        number += 1
    smallest = shrink(base, overrides, sides)
    assert "retry.attempts_max" in smallest
    fire = [key for key in smallest if key.split(".")[0] in ("faults", "health", "autoscaler", "failover", "hedge")]
    assert len(fire) <= 3, smallest
    assert len(smallest) <= 10 < len(overrides), smallest
    assert compare(base, smallest, sides).requests_count <= 20


def test_where_two_records_part_is_told_with_both_sides() -> None:
    config = compose(["fleet.nodes=2", "fleet.agents_per_node=1", "horizon_s=30"])
    one, other = run_replication(config, 0), run_replication(config, 0)
    assert differences(one, other) == []
    other.attempts.node[[3, 5]] += 1
    other.attempts.started_at[4] = np.nan
    other.nodes.area_busy_s[1] = np.nextafter(other.nodes.area_busy_s[1], np.inf)
    other.nodes.node_id[0] = "else"
    other.central_area_s = -0.0
    other.wall_s, other.engine = 9.0, "compiled"
    found = differences(one, other)
    assert [(each.name, each.rows_count, each.row) for each in found] == [
        ("attempts.started_at", 1, 4), ("attempts.node", 2, 3), ("nodes.node_id", 1, None),
        ("nodes.area_busy_s", 1, 1), ("central_area_s", 1, None),
    ]  # fmt: skip
    node = int(one.attempts.node[3])
    assert str(found[1]) == f"attempts.node in 2 rows, first in row 3: {node} and {node + 1}"
    assert str(found[-1]) == "central_area_s: 0.0 and -0.0"
    other.attempts.request = other.attempts.request[:-1]
    other.attempts.priority = np.zeros(3, dtype=np.int8)
    counts = len(one.attempts.request)
    shorter = differences(one, other)
    assert Difference("attempts.request", 1, None, f"{counts} rows", f"{counts - 1} rows") in shorter
    assert Difference("attempts.priority", 1, None, "none", "some") in shorter


def test_what_the_second_engine_refuses_is_no_equality() -> None:
    def refuses(config: Config) -> RunRecord:
        if config.service.discipline == "ps":
            raise ConfigError("engine", "compiled", "simpy or auto: the compiled engine does not run sharing")
        return run_one(config)

    sides = (Side("simpy"), Side("simpy", refuses))
    found = random_configurations(20, SEED, sides=sides)
    assert dict(found.not_supported) == {"the compiled engine does not run sharing": 20 - found.equal_count}
    assert 0 < found.equal_count < 20
    assert "not supported: " in found.as_text(SEED)
    assert found.features["service.discipline=ps"] == 0

    def breaks(config: Config) -> RunRecord:
        raise ConfigError("seed", config.seed, "another")

    compared = compare(compose([]), {"horizon_s": 5.0}, (Side("simpy"), Side("simpy", breaks)))
    assert [str(one) for one in compared.different] == ["accepted: runs and seed=1: accepted is another"]
    with pytest.raises(ConfigError, match=r"^fleet.nodes=0"):
        compare(compose([]), {"fleet.nodes": 0}, SAME)
    with pytest.raises(NotSupported, match="sharing"):
        compare(compose([]), {"service.discipline": "ps", "horizon_s": 5.0}, sides)


def test_what_breaks_is_raised_with_the_command_that_shows_it() -> None:
    def breaks(config: Config) -> RunRecord:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        random_configurations(1, SEED, sides=(Side("simpy"), Side("simpy", breaks)))
    assert caught.value.__notes__[0].startswith("configuration 0: victor-sim validate --engines seed=")


def test_too_many_refusals_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "draw_overrides", lambda *_: {"fleet.nodes": 0})
    with pytest.raises(ConfigError, match="configurations=2: accepted is fewer: of 20 drawn 0 are accepted"):
        random_configurations(2, SEED, sides=SAME)


def test_shrinking_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "SHRINK_MAX", 3)
    tried: list[float] = []

    def differs(config: Config) -> RunRecord:
        tried.append(config.horizon_s)
        record = run_one(config)
        record.ended_at += 1.0
        return record

    shrink(compose([]), {"horizon_s": 8.0, "fleet.nodes": 1}, (Side("simpy"), Side("simpy", differs)))
    assert len(tried) == 3


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    runs: list[int] = []

    def counted(config: Config) -> RunRecord:
        runs.append(config.seed)
        return run_one(config)

    sides = (Side("simpy"), Side("simpy", counted))
    first = random_configurations(5, SEED, sides=sides, ledger=ledger_of(tmp_path, "engines", seed=SEED))
    assert len(runs) == 5
    again = random_configurations(5, SEED, sides=sides, ledger=ledger_of(tmp_path, "engines", seed=SEED))
    assert len(runs) == 5
    assert again == first
    more = random_configurations(7, SEED, sides=sides, ledger=ledger_of(tmp_path, "engines", seed=SEED))
    assert (more.done_count, len(runs)) == (7, 7)
    random_configurations(2, SEED, sides=sides, ledger=ledger_of(tmp_path, "engines", seed=SEED + 1))
    assert len(runs) == 9


def test_a_line_that_was_cut_off_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.write("1", True)
    ledger.write("2", {"outcome": "equal"})
    path.write_text(path.read_text() + '["3", tr')
    again = Ledger(path)
    assert again.parts == {"1": True, "2": {"outcome": "equal"}}
    again.write("3", False)
    assert Ledger(path).parts == {"1": True, "2": {"outcome": "equal"}, "3": False}
