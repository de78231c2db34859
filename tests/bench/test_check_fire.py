"""What a run under fire refuses before time 0, a row each: the key, the value, what is accepted; `--dry-run` too."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.compose import Composed, compose
from sim.bench.keys import packaged_groups
from sim.errors import ConfigError
from sim.experiments.main import main

SHARED: Composed = {}
CRASH = "faults=crash retry.attempt_timeout_s=5"

# What is asked for, and below it the line that it is refused with (or how that begins, where it ends in ...).
TABLE = """
# scaling
autoscaler.min_nodes=5 autoscaler.max_nodes=3
    autoscaler.min_nodes=5: accepted is at most autoscaler.max_nodes=3
autoscaler=hpa autoscaler.min_nodes=12
    autoscaler.min_nodes=12: accepted is at most autoscaler.max_nodes=10
autoscaler=hpa fleet.nodes=11
    fleet.nodes=11: accepted is from autoscaler.min_nodes=1 to autoscaler.max_nodes=10
autoscaler=hpa fleet.nodes=2 autoscaler.min_nodes=3
    fleet.nodes=2: accepted is from autoscaler.min_nodes=3 to autoscaler.max_nodes=10
autoscaler.min_nodes=-1
    autoscaler.min_nodes=-1: accepted is a whole number from 0 to 1,000,000
autoscaler.provisioning_s=-1
    autoscaler.provisioning_s=-1.0: accepted is a number, at least 0
autoscaler.interval_s=0
    autoscaler.interval_s=0.0: accepted is a number above 0
autoscaler.target_utilization_ratio=0
    autoscaler.target_utilization_ratio=0.0: accepted is a number above 0
autoscaler.provisioning=soon
    autoscaler.provisioning=soon: accepted is one of deterministic, exponential
autoscaler.kind=magic
    autoscaler.kind=magic: accepted is one of hpa, kpa, none, on_demand, predictive, scheduled, threshold
autoscaler=scheduled autoscaler.counts=[4]
    autoscaler.counts=[4]: accepted is as many counts as autoscaler.at_s has instants, 2
autoscaler=scheduled autoscaler.counts=[10,40]
    autoscaler.counts=40: accepted is min_nodes=1 to max_nodes=10
autoscaler=scheduled autoscaler.at_s=[9,3]
    autoscaler.at_s=[9.0, 3.0]: accepted is rising instants from 0, below autoscaler.season_s=86400
autoscaler=predictive autoscaler.bin_s=7000
    autoscaler.bin_s=7000.0: accepted is a whole part (2 to 100000) of autoscaler.season_s=86400
# health
health=victor_os health.node_timeout_s=20
    health.node_timeout_s=20.0: accepted is at least 60, the time of health.misses_max=2 heartbeats
health=victor_os health.misses_max=3
    health.node_timeout_s=60.0: accepted is at least 90, the time of health.misses_max=3 heartbeats
health=victor_os health.heartbeat_s=31
    health.node_timeout_s=60.0: accepted is at least 62, the time of health.misses_max=2 heartbeats
health=victor_os health.heartbeat_s=null health.interval_s=70 health.misses_max=1
    health.node_timeout_s=60.0: accepted is at least 70, the time of health.misses_max=1 heartbeats
health=victor_os health.misses_max=1 health.node_timeout_s=30 health.jitter_ratio=.5
    health.node_timeout_s=30.0: accepted is at least 45, the time of health.misses_max=1 heartbeats
health=victor_os health.node_timeout_s=-60
    health.node_timeout_s=-60.0: accepted is a number above 0
health=aggressive health.probe_timeout_s=21
    health.probe_timeout_s=21.0: accepted is at most 10 times health.interval_s=2
health=aggressive health.interval_s=0
    health.interval_s=0.0: accepted is a number above 0
health=aggressive health.misses_max=0
    health.misses_max=0: accepted is a whole number, at least 1
health=aggressive health.panic_ratio=1.5
    health.panic_ratio=1.5: accepted is a number from 0 to 1
health.ejection.base_s=400
    health.ejection.base_s=400.0: accepted is at most health.ejection.max_s=300
health.detector=psychic
    health.detector=psychic: accepted is one of consecutive_failures, heartbeat_timeout, none, phi_accrual, success_rate
# failover
failover.enabled=true failover.copies_min=2 fleet.nodes=2
    failover.copies_min=2: accepted is below fleet.nodes=2 (copies lie on other nodes than the agent)
failover.copies_min=-1
    failover.copies_min=-1: accepted is a whole number from 0 to 100
# requests
retry.attempts_max=0
    retry.attempts_max=0: accepted is a whole number from 1 to 1,000
retry.attempt_timeout_s=9 deadline_s=5
    retry.attempt_timeout_s=9.0: accepted is at most deadline_s=5
retry.backoff_s=20
    retry.backoff_max_s=10.0: accepted is at least retry.backoff_s=20
retry.budget_ratio=.2
    retry.budget_ratio=0.2: accepted is null while retry.attempts_max=1 (no retry)
retry.budget_ratio=2
    retry.budget_ratio=2.0: accepted is a number from 0 to 1 or null
hedge.after_s=5 retry.attempt_timeout_s=5
    hedge.after_s=5.0: accepted is below retry.attempt_timeout_s=5, or no hedge is ever sent
hedge.after_s=7 deadline_s=6
    hedge.after_s=7.0: accepted is below deadline_s=6, or no hedge is ever sent
deadline_s=-1
    deadline_s=-1.0: accepted is a number above 0 or null
deadline_propagation=always
    deadline_propagation=always: accepted is one of none, dequeue, kill
admission.kind=guess
    admission.kind=guess: accepted is one of none, concurrency, success_rate
admission.priority_mix=[0,0]
    admission.priority_mix=[0.0, 0.0]: accepted is numbers of 0 or more, with a sum above 0
admission.kind=concurrency admission.priority_mix=[1,1]
    admission.priority_shares=[1.0]: accepted is as many as admission.priority_mix has, 2
admission.kind=concurrency admission.priority_mix=[1,1] admission.priority_shares=[.5,1]
    admission.priority_shares=[0.5, 1.0]: accepted is 1 at most, never rising (0 is the highest priority)
breaker.failures_max=0
    breaker.failures_max=0: accepted is a whole number, at least 1
# faults
faults=crash
    retry.attempt_timeout_s=None: accepted is SAID_TIMEOUT faults.crash may swallow an answer
faults=[slow,partition]
    retry.attempt_timeout_s=None: accepted is SAID_TIMEOUT faults.partition may swallow an answer
faults=crash failover.enabled=true
    retry.attempt_timeout_s=None: accepted is SAID_TIMEOUT faults.crash may swallow an answer
faults.pause.enabled=true
    faults.pause.mttf_s=None: accepted is seconds, or instants in faults.pause.at_s ...
faults=crash retry.attempt_timeout_s=5 faults.crash.mttf_s=-1
    faults.crash.mttf_s=-1.0: accepted is a number above 0 or null
faults=crash retry.attempt_timeout_s=5 faults.crash.mttr_s=0
    faults.crash.mttr_s=0.0: accepted is a number above 0
faults=crash retry.attempt_timeout_s=5 faults.crash.at_s=[-5]
    faults.crash.at_s=-5.0: accepted is a finite number, 0 or more
faults=crash retry.attempt_timeout_s=5 faults.crash.at_s=[5,100] horizon_s=100
    faults.crash.at_s=100.0: accepted is instants below horizon_s=100
faults=crash retry.attempt_timeout_s=5 faults.crash.nodes=[0,10]
    faults.crash.nodes=10: accepted is ordinals of the fleet's nodes, 0 to 9
faults=crash retry.attempt_timeout_s=5 faults.crash.in_flight=keep
    faults.crash.in_flight=keep: accepted is one of lose, requeue
faults=zone_outage retry.attempt_timeout_s=5 faults.zone_outage.zones=[zone-9]
    faults.zone_outage.zones=zone-9: accepted is zones of the fleet: zone-1
faults=zone_outage retry.attempt_timeout_s=5 fleet.nodes=1 fleet.zones=[a,b] faults.zone_outage.zones=[b]
    faults.zone_outage.zones=b: accepted is zones of the fleet: a
faults=zone_outage retry.attempt_timeout_s=5 faults.zone_outage.nodes=[0]
    faults.zone_outage.nodes=[0]: accepted is empty: zones say where
faults=slow faults.slow.factor=0
    faults.slow.factor=0.0: accepted is a number above 0
faults=overload horizon_s=30
    faults.overload.at_s=60.0: accepted is instants below horizon_s=30
faults=overload faults.overload.ratio=-1
    faults.overload.ratio=-1.0: accepted is a number, at least 0
faults=overload arrivals=closed_loop
    faults.overload.enabled=True: accepted is false with arrivals=closed_loop ...
faults=[crash,fire]
    faults=fire: accepted is one of FAULTS, or a list of them: [a,b]
engine=fortran
    engine=fortran: accepted is one of auto, compiled, simpy
"""
SAID_TIMEOUT = "a number above 0 (or deadline_s, or failover with a health detector), since"
LINES = [line.strip() for line in TABLE.splitlines() if line and not line.startswith("#")]
LINES = [
    line.replace("SAID_TIMEOUT", SAID_TIMEOUT).replace("FAULTS", ", ".join(packaged_groups()["faults"]))
    for line in LINES
]
REFUSED = list(zip(LINES[::2], LINES[1::2], strict=True))


@pytest.mark.parametrize(("words", "line"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_contradicts_itself_is_told_in_one_line(words: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(words.split(), composed=SHARED)
    said = str(caught.value)
    assert said.startswith(line.removesuffix("...")) if line.endswith("...") else said == line
    assert "\n" not in said


ACCEPTED = [
    "autoscaler=hpa fleet.nodes=10",
    "autoscaler=on_demand fleet.nodes=1 balancer.queue=central",
    "fleet.nodes=1000",  # nothing scales: the autoscaler's bounds do not hold
    "health=victor_os",
    "health=victor_os health.misses_max=1 health.node_timeout_s=30",
    "health=aggressive health.node_timeout_s=1",  # not read by checks
    "health.detector=consecutive_failures health.probe_timeout_s=100",
    "health=phi health.probe_timeout_s=100",
    "failover.enabled=true failover.copies_min=1 fleet.nodes=2",
    "failover.copies_min=1 fleet.nodes=1",
    "faults=crash faults.crash.in_flight=requeue",
    "faults=crash deadline_s=30",
    "faults=crash failover.enabled=true health=victor_os",
    f"{CRASH} faults.crash.mttf_s=null faults.crash.at_s=[0,999.5]",
    f"{CRASH} autoscaler=hpa faults.crash.nodes=[29]",  # machines to come have ordinals too
    "hedge.after_s=4.9 retry.attempt_timeout_s=5",
]


@pytest.mark.parametrize("words", ACCEPTED)
def test_what_is_just_inside_is_accepted(words: str) -> None:
    assert compose(words.split(), composed=SHARED).name == ""


@pytest.mark.parametrize("words", ["autoscaler.min_nodes=5 autoscaler.max_nodes=3", "faults=crash"])
def test_a_dry_run_refuses_the_same(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = dict(REFUSED)[words]
    code = main(["run", "--dry-run", *words.split(), f"paths.store={tmp_path}/store"])
    said = capsys.readouterr()
    assert (code, said.out, said.err) == (2, "", f"victor-sim: {line}\n")
    assert list(tmp_path.iterdir()) == []


WRONG = {
    "admission": ("in_flight", "admission.in_flight_max"),
    "autoscaler": ("min_node", "autoscaler.min_nodes"),
    "breaker": ("failure_max", "breaker.failures_max"),
    "failover": ("copies", "failover.copies_min"),
    "health": ("intervall_s", "health.interval_s"),
    "hedge": ("after", "hedge.after_s"),
    "retry": ("attempts", "retry.attempts_max"),
}


@pytest.mark.parametrize("group", sorted(WRONG))
def test_a_wrong_key_in_a_file_of_a_group_is_named_with_the_file(group: str, tmp_path: Path) -> None:
    wrong, near = WRONG[group]
    folder = tmp_path / group
    folder.mkdir()
    (folder / "mine.yaml").write_text(f"{wrong}: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        compose([f"{group}=mine"], tmp_path)
    text = str(caught.value)
    assert text.startswith(f"{group}.{wrong}=: accepted is a known key, near it: ")
    assert near in text
    assert text.endswith(f" (in {group}/mine.yaml)")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("crush: {enabled: true}\n", "faults.crush=: accepted is a known key, near it: faults.crash"),
        ("crash: {mttf: 3}\n", "faults.crash.mttf=: accepted is a known key, near it: faults.crash.mttf_s"),
        ("crash: {mttf_s: soon}\n", "faults.crash.mttf_s=soon: accepted is a number above 0 or null"),
    ],
)
def test_a_wrong_key_in_a_fault_of_ones_own_is_named(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        compose(["faults=[mine]"], tmp_path)
    assert str(caught.value).startswith(line)
    assert str(caught.value).endswith(" (in faults/mine.yaml)")
