"""A choice is a function of (state, draws, key, now): a copy chooses alike, and names of nodes do not enter."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from sim.bench.schema import BalancerConfig
from sim.registry import lookup, names
from sim.scalability.balancer.balancer import make_balancer
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of
from tests.conformance.balancer.traffic import SEED, Traffic, params_of

KINDS = names("balancer")
CONFIGS = Path(__file__).parents[3] / "conf" / "balancer"


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_the_state_chooses_alike(kind: str) -> None:
    balancer = fleet_of(params_of(kind), 8, 3)
    traffic = Traffic(balancer)
    traffic.run(200)
    pick = lookup("balancer", kind)(balancer.params).pick
    for number in range(50):
        draws = [((number + 1) * 0.618 + at * 0.414) % 1.0 for at in range(balancer.draws_count)]
        copies = copy.deepcopy((balancer.fleets[0], balancer.states[0][0]))
        expected = pick(*copies, draws, number, traffic.now)
        again = copy.deepcopy((balancer.fleets[0], balancer.states[0][0]))
        assert pick(*again, draws, number, traffic.now) == expected
        assert balancer.dispatch(0, 0, draws, number, traffic.now) == expected, f"seed {SEED}"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "consistent_hash"])
def test_names_do_not_enter(kind: str) -> None:
    renamed = make_balancer(params_of(kind), ("other",), 8)
    for node in range(8):
        renamed.node_joined(f"host-{7 - node}.example", 1.0)
        renamed.agents_changed(f"host-{7 - node}.example", "other", 3)
    assert Traffic(renamed).run(300) == Traffic(fleet_of(params_of(kind), 8, 3)).run(300), f"seed {SEED}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_strategy_has_a_config_that_makes_it(kind: str) -> None:
    path = CONFIGS / f"{kind}.yaml"
    assert path.read_text().startswith("# ")
    keys: Any = OmegaConf.to_container(OmegaConf.load(path))
    assert keys["kind"] == kind
    make_balancer(BalancerParams(**keys), ("agent",), 4)


def test_params_are_the_config_group_field_by_field() -> None:
    declared = {field.name: getattr(BalancerConfig(), field.name) for field in dataclasses.fields(BalancerConfig)}
    ours = {field.name: getattr(BalancerParams(), field.name) for field in dataclasses.fields(BalancerParams)}
    assert ours == declared
