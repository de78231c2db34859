"""What a fault refuses before time 0, and that every kind can be configured."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sim.bench.schema import FaultsConfig
from sim.errors import ConfigError
from sim.registry import lookup, names
from sim.world.faults.schedule import COPIES_MAX, KINDS
from tests.tidy.tracked import REPOSITORY
from tests.world.faults.fake import Rig

EPISODES = [kind for kind in KINDS if kind not in ("poison_request", "overload")]

BAD = [
    ("crash", {"mttf_s": -1.0}, "mttf_s"),
    ("crash", {"mttf_s": 0.0}, "mttf_s"),
    ("crash", {"mttf_s": float("inf")}, "mttf_s"),
    ("crash", {"mttf_s": 1.0, "mttr_s": -5.0}, "mttr_s"),
    ("crash", {"at_s": (5.0, -1.0)}, "at_s"),
    ("crash", {"at_s": (float("nan"),)}, "at_s"),
    ("crash", {"mttf_s": 1.0, "in_flight": "keep"}, "in_flight"),
    ("crash", {"mttf_s": 1.0, "state": "maybe"}, "state"),
    ("crash", {"mttf_s": 1.0, "repairers_max": -1}, "repairers_max"),
    ("pause", {"mttf_s": 1.0, "repair": "never"}, "repair"),
    ("pause", {"at_s": (5.0,), "for_s": 0.0}, "for_s"),
    ("slow", {"mttf_s": 1.0, "factor": 0.0}, "factor"),
    ("slow", {"mttf_s": 1.0, "factor": 1.5}, "factor"),
    ("partition", {"mttf_s": 1.0, "direction": "up"}, "direction"),
    ("packet_loss", {"mttf_s": 1.0, "loss_prob": 1.1}, "loss_prob"),
    ("packet_loss", {"mttf_s": 1.0, "delay_s": -0.1}, "delay_s"),
    ("packet_loss", {"mttf_s": 1.0, "delay_jitter_s": -0.1}, "delay_jitter_s"),
    ("packet_loss", {"mttf_s": 1.0, "retransmit_s": 0.0}, "retransmit_s"),
    ("flapping", {"mttf_s": 1.0, "silent_s": 0.0}, "silent_s"),
    ("flapping", {"mttf_s": 1.0, "sound_s": -1.0}, "sound_s"),
    ("clock_skew", {"mttf_s": 1.0, "drift_ratio": 0.6}, "drift_ratio"),
    ("clock_skew", {"mttf_s": 1.0, "offset_s": float("nan")}, "offset_s"),
    ("errors", {"mttf_s": 1.0, "prob": -0.1}, "prob"),
    ("preemption", {"mttf_s": 1.0, "notice_s": -1.0}, "notice_s"),
    ("zone_outage", {"mttf_s": 1.0, "nodes": (0,)}, "nodes"),
    ("poison_request", {"prob": 2.0}, "prob"),
    ("poison_request", {"restart_s": -1.0}, "restart_s"),
    ("overload", {"shape": "flood"}, "shape"),
    ("overload", {"at_s": -1.0}, "at_s"),
    ("overload", {"for_s": 0.0}, "for_s"),
    ("overload", {"ratio": -0.5}, "ratio"),
    ("overload", {"requests_count": -1}, "requests_count"),
]


@pytest.mark.parametrize(("kind", "values", "key"), BAD)
def test_bad_values_are_refused_by_name(kind: str, values: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Rig().add(kind, **values)
    assert refusal.value.key == f"faults.{kind}.{key}"


@pytest.mark.parametrize("kind", EPISODES)
def test_a_fault_that_never_strikes_is_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"faults\.{kind}\.mttf_s=None") as refusal:
        Rig().add(kind)
    assert f"faults.{kind}.at_s" in refusal.value.accepted


def test_every_kind_is_among_the_bad_ones() -> None:
    assert {kind for kind, _, _ in BAD} == set(KINDS)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"faults\.gremlins=: accepted is one of clock_skew, crash,"):
        Rig().injector.add("gremlins", None)


@pytest.mark.parametrize("ordinal", [3, -1])
def test_a_node_outside_of_the_fleet_is_refused(ordinal: int) -> None:
    rig = Rig(nodes=3).add("pause", mttf_s=1.0, nodes=(0, ordinal))
    with pytest.raises(ConfigError, match=rf"faults\.pause\.nodes={ordinal}: .* 0 to 2"):
        rig.injector.start()
    assert not rig.target.born_listeners


def test_an_unknown_zone_is_refused() -> None:
    rig = Rig(nodes=4, zones=("a", "b")).add("zone_outage", mttf_s=1.0, zones=("c",))
    with pytest.raises(ConfigError, match=r"faults\.zone_outage\.zones=c: accepted is zones of the fleet: a, b"):
        rig.injector.start()


def test_a_fleet_that_may_grow_takes_later_ordinals_and_zones() -> None:
    rig = Rig(nodes=1).add("pause", at_s=(5.0,), for_s=1.0, nodes=(1,)).add("zone_outage", at_s=(9.0,), zones=("z",))
    rig.injector.start(nodes_max=2, zones=("zone-1", "z"))
    rig.at(2.0, rig.target.born, "late", "z")
    rig.env.run(20.0)
    assert [(at, name, node) for at, name, node, _ in rig.calls()] == [
        (5.0, "pause", "late"),
        (6.0, "resume", "late"),
        (9.0, "crash", "late"),
    ]


def test_what_is_not_enabled_does_nothing() -> None:
    rig = Rig().add("crash", enabled=False, mttf_s=-1.0).run(100.0)
    assert (rig.calls(), rig.injector.skipped) == ([], {})


def test_too_many_faults_of_a_kind_are_refused() -> None:
    rig = Rig()
    for _ in range(COPIES_MAX):
        rig.add("slow", mttf_s=1.0)
    with pytest.raises(ConfigError, match=r"faults\.slow=17: accepted is at most 16"):
        rig.add("slow", mttf_s=1.0)


def test_every_kind_is_registered_under_its_index() -> None:
    assert sorted(names("fault")) == sorted(KINDS)
    assert len(KINDS) <= 16  # four bits of the entity


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_those_of_the_config(kind: str) -> None:
    config, params = getattr(FaultsConfig(), kind), lookup("fault", kind).params_type()
    fields = [field.name for field in dataclasses.fields(config) if field.name != "enabled"]
    assert {field.name for field in dataclasses.fields(params)} == {"enabled", *fields}
    for name in fields:
        wanted, given = getattr(config, name), getattr(params, name)
        assert given == (tuple(wanted) if isinstance(wanted, list) else wanted), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_config_that_strikes(kind: str) -> None:
    text = (REPOSITORY / "conf" / "faults" / f"{kind}.yaml").read_text(encoding="utf-8")
    assert re.match(r"# \S.*\.\n", text)
    tree = yaml.safe_load(text)
    assert list(tree) == [kind]
    assert tree[kind].pop("enabled") is True
    rig = Rig().add(kind, **tree[kind]).run(2e6)
    assert rig.injector.counts.get(kind, 0) > 0 or kind == "poison_request"


def test_a_fault_must_say_what_it_does() -> None:
    from sim.world.faults.hands import Fault, Hands
    from sim.world.faults.params import EpisodeParams

    rig = Rig()
    fault = Fault(EpisodeParams(), Hands(rig.env, rig.target), 0)
    for effect in (fault.strike, fault.heal):
        with pytest.raises(AssertionError, match="a fault without"):
            effect(None)  # type: ignore[arg-type]
