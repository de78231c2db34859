"""A strategy and a service law of the user's own, plain functions over arrays in one file, in both engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.engine_differences import differences
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.measure.summarize import PointFacts, summarize_point
from sim.types.records import ENGINE_NOTE, RunRecord

pytestmark = pytest.mark.usefixtures("own_registry", "here")

OWN = '''
import math

from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import ViewState, integers
from sim.world.service.laws import Coefficients, InversionLaw


class SpareState(ViewState):
    """How often each slot was picked."""

    __slots__ = ("picked",)

    def __init__(self, slots_max, dispatcher, dispatchers):
        super().__init__(slots_max)
        self.picked = integers(slots_max)


def burden(fleet, state, slot):
    return (fleet.in_flight[slot] + 1.0) / fleet.weight[slot] + 0.125 * math.sqrt(float(state.picked[slot]))


def pick_spare(fleet, state, draws, key, now):
    """Of two drawn slots the one with the smaller burden; every hundredth pick forgets."""
    best = state.slots[int(draws[0] * state.size)]
    other = state.slots[int(draws[1] * state.size)]
    if burden(fleet, state, other) < burden(fleet, state, best):
        best = other
    state.picked[best] += 1
    if state.picked[best] > 100:
        state.picked[best] = 0
    return best


@register("balancer", "spare")
def spare(params):
    return Chooser(pick=pick_spare, make_state=SpareState, draws_count=2)


def weibull_work(of, u):
    """a: scale, seconds; b: one over the shape."""
    return of.a * math.exp(of.b * math.log(-math.log(u)))


@register("service", "weibull")
def weibull(params):
    shape = params.params["shape"]
    scale = params.mean_s / math.gamma(1.0 + 1.0 / shape)
    return InversionLaw(params.mean_s, weibull_work, Coefficients(scale, 1.0 / shape))
'''

STUBBORN = """
from sim.registry import register
from sim.scalability.balancer.chooser import Chooser

LAST = {}  # what cannot be an array


def pick_in_turn(fleet, state, draws, key, now):
    LAST["at"] = (LAST.get("at", -1) + 1) % state.size
    return state.slots[LAST["at"]]


def closed_over(step):
    def pick(fleet, state, draws, key, now):
        return state.slots[step % state.size]

    return pick


@register("balancer", "in_turn")
def in_turn(params):
    return Chooser(pick=pick_in_turn)


@register("balancer", "closed_over")
def closed(params):
    return Chooser(pick=closed_over(3))
"""

FLEET = ["fleet.nodes=4", "fleet.agents_per_node=2", "fleet.speeds=[1.0,2.0]", "horizon_s=40", "stats.replications=1"]
FIRE = ["deadline_s=6", "retry.attempt_timeout_s=3", "retry.attempts_max=2"]


def config_of(text: str, words: Sequence[str]) -> Config:
    Path("mine.py").write_text(text, encoding="utf-8")
    return compose(["extensions=[mine.py]", *FLEET, *words])


def both(config: Config) -> tuple[RunRecord, RunRecord]:
    simpy, compiled = (run_replication(replace(config, engine=engine), 0) for engine in ("simpy", "compiled"))
    assert (simpy.engine, compiled.engine) == ("simpy", "compiled")
    return simpy, compiled


@pytest.mark.parametrize("words", [[], FIRE], ids=["plain", "with attempts"])
def test_own_rules_give_equal_tables_in_both_engines(words: list[str]) -> None:
    config = config_of(OWN, ["balancer.kind=spare", "service.kind=weibull", "+service.params.shape=0.7", *words])
    simpy, compiled = both(config)
    assert differences(simpy, compiled) == []
    assert len(simpy.attempts) > 150
    assert len(set(simpy.attempts.node.tolist())) == 4
    assert 0.6 < simpy.attempts.work_s.mean() < 1.6  # mean 1 s, scv 2.1: the law was asked, and is not exponential
    assert ENGINE_NOTE not in compiled.notes


@pytest.mark.parametrize(
    ("kind", "why"),
    [("closed_over", "closed_over.*cannot be compiled: .*closure"), ("in_turn", "cannot be compiled: ")],
)
@pytest.mark.parametrize("words", [[], FIRE], ids=["plain", "with attempts"])
def test_a_rule_that_cannot_be_compiled_says_why_and_runs_under_simpy(
    kind: str, why: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(STUBBORN, [f"balancer.kind={kind}", *words])
    with pytest.raises(ConfigError, match=rf"^engine=compiled: accepted is simpy or auto: .*{why}"):
        run_replication(replace(config, engine="compiled"), 0)
    monkeypatch.setattr("sim.bench.engine_choice.AUTO_REQUESTS_MIN", 1)
    record = run_replication(replace(config, engine="auto"), 0)
    assert record.engine == "simpy"
    assert len(record.attempts) > 150
    assert record.notes[ENGINE_NOTE].startswith("engine=simpy: ")
    assert "cannot be compiled" in record.notes[ENGINE_NOTE]
    assert record.notes[ENGINE_NOTE] in summarize_point("p", {}, [record], PointFacts(cut_s=0.0)).notes
