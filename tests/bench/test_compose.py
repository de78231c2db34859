"""Overrides become one validated config, or one line that names the key, the value and what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.compose import Composed, compose, load_saved, parse, quoted, to_yaml
from sim.bench.identity import as_dict
from sim.bench.keys import known_keys, overview, packaged_groups
from sim.errors import ConfigError, InputError

BALANCERS = (
    "consistent_hash, join_idle_queue, least_connections, power_of_d, prequal, random, response_time, round_robin, "
    "weighted_least_connections, weighted_round_robin"
)


def test_a_plain_run_is_the_sources_fleet_at_utilization_point_seven() -> None:
    config = compose([])
    assert (config.fleet.nodes, config.fleet.agents_per_node) == (10, 12)
    assert (config.balancer.kind, config.arrivals.kind, config.service.kind) == (
        "round_robin",
        "poisson",
        "exponential",
    )
    assert config.arrivals.utilization_ratio == 0.7
    assert config.arrivals.rate_per_s is None
    assert config.balancer.dispatchers == 1
    assert config.fleet.queue_max == 1_000_000


NEAR = "fleet.nodes, fleet.zones, fleet.agents_per_node"
EXPERIMENTS = ", ".join(packaged_groups()["experiment"])  # they grow in number
SHARED: Composed = {}  # choices of groups that were composed before

REFUSED = [
    ("fleet.nodez=3", f"fleet.nodez=3: accepted is a known key, near it: {NEAR}"),
    ("+fleet.new=3", "fleet.new=3: accepted is a known key, near it: fleet.zones, fleet.nodes, fleet"),
    ("bananas=3", "bananas=3: accepted is a known key (`victor-sim run --help` lists them)"),
    ("kind=random", "kind=random: accepted is a known key, near it: arrivals.kind, service.kind, balancer.kind"),
    ("command=ls", "command=ls: accepted is a known key (`victor-sim run --help` lists them)"),
    ("fleet.nodes=abc", "fleet.nodes=abc: accepted is a whole number from 1 to 1,000,000"),
    ("fleet.nodes=1.5", "fleet.nodes=1.5: accepted is a whole number from 1 to 1,000,000"),
    ("fleet.nodes=0", "fleet.nodes=0: accepted is a whole number from 1 to 1,000,000"),
    ("fleet.nodes=null", "fleet.nodes=null: accepted is a whole number from 1 to 1,000,000"),
    ("fleet.speeds=[1,a]", "fleet.speeds=[1,a]: accepted is a list of numbers"),
    ("fleet.speeds=[1,-2]", "fleet.speeds=-2.0: accepted is a list of numbers above 0"),
    ("fleet.speeds=[]", "fleet.speeds=[]: accepted is a list of at least one, cycled over the nodes"),
    ("fleet.zones=[]", "fleet.zones=[]: accepted is a list of at least one, cycled over the nodes"),
    ("fleet={nodes:3}", "fleet={nodes:3}: accepted is one of hetero, victor_os, yardstick"),
    ("fleet.capacity_agents=3", "fleet.capacity_agents=3: accepted is at least the 12 agents of a node"),
    ("fleet.agent_types={a:5}", "fleet.agents_per_node=12: accepted is the sum of fleet.agent_types, 5"),
    ("fleet.agent_types={a:0}", "fleet.agent_types.a=0: accepted is a whole number, at least 1"),
    ("horizon_s=-1", "horizon_s=-1.0: accepted is a number above 0"),
    ("horizon_s=nan", "horizon_s=nan: accepted is a number above 0"),
    ("horizon_s=inf", "horizon_s=inf: accepted is a number above 0"),
    ("drain_s=-1", "drain_s=-1.0: accepted is a number, at least 0"),
    ("arrivals.amplitude_ratio=2", "arrivals.amplitude_ratio=2.0: accepted is a number from 0 to 1"),
    ("arrivals.utilization_ratio=0", "arrivals.utilization_ratio=0.0: accepted is a number above 0 or null"),
    ("stats.keep_requests=maybe", "stats.keep_requests=maybe: accepted is true or false"),
    ("engine=fortran", "engine=fortran: accepted is one of auto, compiled, simpy"),
    ("warmup=soon", "warmup=soon: accepted is auto, none or seconds from 0 to below the horizon"),
    ("warmup=1000", "warmup=1000: accepted is auto, none or seconds from 0 to below the horizon"),
    ("name=a b", "name=a b: accepted is letters, digits and _ . + - (it names a folder)"),
    ("name=../up", "name=../up: accepted is letters, digits and _ . + - (it names a folder)"),
    ("balancer.kind=best", f"balancer.kind=best: accepted is one of {BALANCERS}"),
    ("balancer.params=3", "balancer.params=3: accepted is a mapping such as {name: value}"),
    ("slo.metric=speed", None),
    ("objective=speed", None),
    ("~fleet", "override=~fleet: accepted is key=value of a known key"),
    ("hydra.job.name=x", "override=hydra.job.name=x: accepted is key=value of a known key"),
    ("fleet.nodes", "override=fleet.nodes: accepted is key=value (quote what holds spaces or commas: key='a, b')"),
    (f"fleet.speeds=[1{'0' * 400}]", "fleet.speeds[0]=an integer of hundreds of digits: accepted is a number"),
    (f"horizon_s=1{'0' * 400}", "horizon_s=an integer of hundreds of digits: accepted is a number"),
    ("fleet.speeds=[[1]]", "fleet.speeds[0]=[1]: accepted is a single value (a list holds no lists)"),
    ("faults.crash.at_s=[3,{a:1}]", ("faults.crash.at_s[1]={'a': 1}: accepted is a single value "
     "(a list holds no lists)")),
    ("extensions=[{a:1}]", "extensions[0]={'a': 1}: accepted is a single value (a list holds no lists)"),
    ("fleet.nodes=glob(*)", "override=fleet.nodes=glob(*): accepted is a list of values: a,b or range(1,10,3)"),
    ("arrivals.type_mix.chat=1", ("arrivals.type_mix.chat=1.0: accepted is a share of an agent type of the fleet: "
     "none (fleet.agent_types is empty)")),
    ("service=trace", "arrivals.kind=poisson: accepted is trace with service=trace (durations are its rows')"),
    ("arrivals=trace", "arrivals.path=None: accepted is the path of a file (arrivals=trace reads one)"),
    ("service=empirical", "service.path=None: accepted is the path of a file (service=empirical reads one)"),
    ("extensions=[no.py]", "extensions=no.py: accepted is paths of Python files (*.py) that exist"),
    ("experiment=nothing", f"experiment=nothing: accepted is one of {EXPERIMENTS}"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_what_is_not_accepted_is_told_in_one_line(override: str, message: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        compose([override], composed=SHARED)
    text = str(caught.value)
    assert "\n" not in text
    if message is None:
        assert text.startswith(f"{override}: accepted is one of sojourn_s_mean, ")
    else:
        assert text == message


def test_an_unknown_choice_lists_the_choices() -> None:
    with pytest.raises(ConfigError) as caught:
        compose(["balancer=nope"])
    assert (caught.value.key, caught.value.value) == ("balancer", "nope")
    assert caught.value.accepted == "one of " + ", ".join(packaged_groups()["balancer"])


def test_a_rate_replaces_the_presets_utilization_and_both_are_refused() -> None:
    config = compose(["arrivals.rate_per_s=5"])
    assert (config.arrivals.rate_per_s, config.arrivals.utilization_ratio) == (5.0, None)
    with pytest.raises(ConfigError) as caught:
        compose(["arrivals.rate_per_s=5", "arrivals.utilization_ratio=.5"])
    assert str(caught.value) == (
        "arrivals.utilization_ratio=0.5: accepted is null while arrivals.rate_per_s is 5 (one of the two)"
    )
    with pytest.raises(ConfigError, match=r"arrivals\.rate_per_s=None: accepted is a number above 0, or"):
        compose(["arrivals.utilization_ratio=null"])
    with pytest.raises(ConfigError, match=r"arrivals\.rate_per_s=5\.0: accepted is null with arrivals=closed_loop"):
        compose(["arrivals=closed_loop", "arrivals.rate_per_s=5"])


def test_what_holds_only_together_is_checked() -> None:
    with pytest.raises(ConfigError, match=r"^balancer\.dispatchers=2: accepted is 1 with balancer\.queue=central$"):
        compose(["balancer.queue=central", "balancer.dispatchers=2"])
    typed = ["fleet.agent_types={chat:8,code:4}"]
    assert compose([*typed, "arrivals.type_mix.chat=1"]).arrivals.type_mix == {"chat": 1.0}
    for mix, message in (("{chat:-1}", r"\.chat=-1\.0: accepted is a share, 0"), ("{chat:0}", "a sum above 0")):
        with pytest.raises(ConfigError, match=message):
            compose([*typed, f"arrivals.type_mix={mix}"])


def test_a_missing_trace_is_told_with_its_source() -> None:
    with pytest.raises(InputError) as caught:
        compose(["arrivals=trace", "arrivals.path=azure_llm_2023_code.csv"])
    text = str(caught.value)
    assert text.startswith("azure_llm_2023_code.csv: no such file; it is the Azure LLM inference trace 2023")
    assert "CC-BY-4.0" in text
    assert "8,819 requests" in text


def test_the_last_of_a_key_holds_and_keys_below_a_mapping_are_free() -> None:
    config = compose(["fleet.nodes=3", "balancer=random", "fleet.nodes=4", "balancer=prequal", "service.params.x=1"])
    assert (config.fleet.nodes, config.balancer.kind) == (4, "prequal")
    assert config.service.params == {"x": 1}


@pytest.mark.parametrize("group", sorted(set(packaged_groups()) - {"experiment"}))
def test_every_choice_of_every_group_composes(group: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("time,service_s\n0,1\n1,2\n", encoding="utf-8")
    for name in packaged_groups()[group]:
        needs = [f"{group}.path={file}"] if name in ("trace", "rates", "empirical") else []
        if (group, name) == ("service", "trace"):
            needs = ["arrivals=trace", f"arrivals.path={file}"]
        if group == "faults":
            needs = ["deadline_s=30"]  # what a fault swallows is given up some time
        config = compose([f"{group}={name}", *needs])
        assert config.stats.replications >= 1


def test_values_are_quoted_so_that_they_read_back() -> None:
    values: list[object] = [None, True, 3, 1.5, "a", "a b", "it's, so", "null", "x\\", [1, "b c"], {"k": 1.0}, "1", ""]
    for value in values:
        (found,) = parse([f"key={quoted(value)}"])
        assert found.values == (quoted(value),), value


def test_a_saved_config_is_the_same_config(tmp_path: Path) -> None:
    config = compose(["fleet=hetero", "balancer=power_of_d", "service.params.note='a, b'", "arrivals.rate_per_s=7"])
    tree = as_dict(config)
    for name in ("command", "experiment", "study"):
        del tree[name]
    path = tmp_path / "best.yaml"
    path.write_text(to_yaml(tree), encoding="utf-8")
    assert as_dict(compose([f"config={path}"])) == as_dict(config)
    other = compose([f"config={path}", "balancer=random", "fleet.nodes=2"])
    assert (other.balancer.kind, other.balancer.d, other.fleet.nodes) == ("random", 2, 2)
    assert other.arrivals.rate_per_s == 7.0


@pytest.mark.parametrize(
    ("text", "problem"),
    [("- 1\n", "no mapping"), ("a: [\n", "no YAML"), (None, "no such file"), ("nodes: 3\n", "near it: fleet.nodes")],
)
def test_a_saved_config_that_is_none_is_refused(text: str | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises((InputError, ConfigError), match=problem):
        compose([f"config={path}"])
    assert text != "nodes: 3\n" or load_saved(path) == [("nodes", "3")]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of the user's own groups, some of them broken."""
    files = {
        "fleet/mine": "nodes: 3\n",
        "fleet/typo": "nodez: 3\n",
        "fleet/word": "nodes: abc\n",
        "fleet/open": "nodes: [\n",
        "fleet/lost": "nodes: ${paths.lost}\n",
        "experiment/mine": "# @package _global_\ndefaults:\n  - override /fleet: mine\nhorizon_s: 7.0\n",
        "experiment/typo": "# @package _global_\nhorizon: 7.0\n",
        "experiment/choice": "# @package _global_\ndefaults:\n  - override /balancer: nope\n",
        "experiment/group": "# @package _global_\ndefaults:\n  - override /balanser: random\n",
        "experiment/local": "horizon_s: 7.0\n",
        "notes/other": "a: 1\n",
    }
    for name, text in files.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_own_groups_are_found(own: Path) -> None:
    assert compose(["fleet=mine"], own).fleet.nodes == 3
    assert compose(["experiment=mine"], own).horizon_s == 7.0
    with pytest.raises(ConfigError, match=r"^fleet=mine: accepted is one of hetero, victor_os, yardstick$"):
        compose(["fleet=mine"])
    with pytest.raises(ConfigError, match=r"^--config-dir=.*none: accepted is a folder that holds config groups$"):
        compose([], own / "none")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("fleet=typo", ("fleet.nodez=: accepted is a known key, near it: fleet.nodes, fleet.zones, "
         "fleet.agents_per_node (in fleet/typo.yaml)")),
        ("fleet=word", "fleet.nodes=abc: accepted is a whole number from 1 to 1,000,000 (in fleet/word.yaml)"),
        ("fleet=lost", "fleet.nodes=${...}: accepted is Interpolation key 'paths.lost' not found"),
        ("experiment=typo", "horizon=: accepted is a known key, near it: horizon_s (in experiment/typo.yaml)"),
        ("experiment=local", "experiment=: accepted is a YAML file that opens with `# @package _global_`"),
    ],
)  # fmt: skip
def test_a_broken_file_of_ones_own_is_named(override: str, message: str, own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        compose([override], own)
    assert str(caught.value) == message


def test_other_breaks_of_own_files_are_one_line_too(own: Path) -> None:
    with pytest.raises(ConfigError, match=r"^balancer=nope: accepted is one of consistent_hash, .*$"):
        compose(["experiment=choice"], own)
    with pytest.raises(ConfigError, match=r"^balanser=: accepted is one of the groups .*experiment/group\.yaml\)$"):
        compose(["experiment=group"], own)
    with pytest.raises(InputError) as caught:
        compose(["fleet=open"], own)
    assert str(caught.value).startswith(f"{own}/fleet/open.yaml, row 2: no YAML that can be read")
    assert "\n" not in str(caught.value)


def test_the_overview_names_every_key_and_choice() -> None:
    text = overview()
    assert [name for name in known_keys() if f"  {name}=" not in text] == []
    assert "  balancer     consistent_hash " in text
    assert "  fleet.nodes=10\n" in text
    assert "  stats.keep_requests=false\n" in text
    assert "  arrivals.rate_per_s=null\n" in text


def test_a_rule_of_a_sweep_that_is_no_list_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^override=horizon_s=interval\(1,2\): accepted is a list of values: a,b or"):
        parse(["horizon_s=interval(1,2)"])
    assert parse(["seed=range(1,4)"])[0].values == ("1", "2", "3")


def test_a_process_keeps_what_it_composed_but_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: Composed = {}
    monkeypatch.setattr("sim.bench.compose._PACKAGED", kept)
    monkeypatch.setattr("sim.bench.compose.KEPT_MAX", 2)
    for name in ("random", "power_of_d", "round_robin"):
        assert compose([f"balancer={name}"]).balancer.kind == name
    assert list(kept) == [("balancer=power_of_d",), ("balancer=round_robin",)]
    changed = compose(["balancer=power_of_d"])
    changed.fleet.speeds.append(2.0)
    assert compose(["balancer=power_of_d"]).fleet.speeds == [1.0], "each gets a tree of its own"
