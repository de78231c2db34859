"""One run of a storm: strike, watch, heal, prove that things go on, and say what broke.

A storm's outcome is a function of its scenario. What is raised by the code under test and documented nowhere is a
violation (X1) like any other, and so is a run that goes round without end.
"""

from __future__ import annotations

import hashlib
import math
import traceback
from dataclasses import dataclass, field
from typing import Any

from sim.bench.assemble import Assembly, assemble
from sim.bench.schema import Config
from sim.bench.storm.bounds import interval_s, recovery_s
from sim.bench.storm.checkers.calm import guessed_at, is_guessed, judge_agents, judge_nodes, judge_requests
from sim.bench.storm.draw import config_of
from sim.bench.storm.findings import Findings, Violation
from sim.bench.storm.operator import Operator
from sim.bench.storm.scenario import Scenario
from sim.bench.storm.watcher import LAST_RANK, Watcher
from sim.errors import ConfigError
from sim.runtime.events import Row
from sim.runtime.order import CONTROL
from sim.types.records import RunRecord
from sim.world.faults.injector import fault_of

TRACE_LINES = 6
HEAL_KEY = 1 << 40


@dataclass(slots=True)
class Outcome:
    """What came of one scenario; `rows` are its events, `struck` the kinds that truly struck."""

    scenario: Scenario
    findings: Findings
    digest: str
    virtual_s: float
    requests_count: int
    struck: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def violations(self) -> list[Violation]:
        """What broke, in order."""
        return self.findings.violations


def run_storm(scenario: Scenario, config: Config | None = None) -> Outcome:
    """Run a scenario (`config`: its own, if it is there); raises `ConfigError` for one that the assembly refuses."""
    config = config_of(scenario) if config is None else config
    watcher = Watcher(scenario, config)
    findings = watcher.findings
    record: RunRecord | None = None
    assembly = assemble(config, 0, None, watcher.taps())
    storm = _Storm(scenario, config, watcher, assembly)
    try:
        storm.arm()
        record = assembly.run()
    except ConfigError:
        raise
    except Exception as error:
        findings.fail("X1", watcher.now(), type(error).__name__, _told(error))
    else:
        findings.hold("X1", True, watcher.now(), "run", str)
        storm.judge(record)
    digest = _digest(record, assembly, findings)
    struck = [*watcher.books.kinds_struck, *storm.struck_beside()]
    count = 0 if record is None else record.arrivals_count
    return Outcome(scenario, findings, digest, watcher.now(), count, struck, watcher.rows)


class _Storm:
    """What is done to an assembly beside running it."""

    def __init__(self, scenario: Scenario, config: Config, watcher: Watcher, assembly: Assembly) -> None:
        self.scenario, self.config, self.watcher, self.assembly = scenario, config, watcher, assembly
        fire = assembly.fire
        assert fire is not None, "a config of a storm is one of a run under fire"
        self.fire = fire
        self.operator = Operator(fire, assembly.runtime, watcher.findings, scenario.heal_at * 0.05)
        self.operator.spoke = watcher.books.spoke
        self.recovered_at = scenario.heal_at + recovery_s(scenario.overrides)

    def arm(self) -> None:
        """Add what strikes beyond the config, and the instants of looks, healing and judging."""
        scenario, env, fire = self.scenario, self.assembly.runtime.env, self.fire
        self.watcher.attach(self.assembly)
        seen: dict[str, None] = {}
        for strike in scenario.strikes:
            if strike.kind in seen:
                params_type = fault_of(strike.kind).params_type
                settings: dict[str, Any] = dict(strike.settings)
                made = params_type(at_s=(strike.at_s,), for_s=strike.for_s, nodes=strike.nodes, **settings)
                fire.injector.add(strike.kind, made)
            seen[strike.kind] = None
        self.operator.play(scenario.deeds)
        for number, at in enumerate(scenario.looks):
            env.call_at(at, LAST_RANK, 1 + number, self.watcher.deep_look, None)
        env.call_at(scenario.heal_at, CONTROL, HEAL_KEY, self._heal, None)
        if self.recovered_at < self.config.horizon_s and self._promises():
            env.call_at(self.recovered_at, LAST_RANK, 1 << 20, self._judge_calm, None)

    def _promises(self) -> bool:
        """Whether R is promised at all."""
        scaler = self.config.autoscaler
        late = scaler.kind != "none" and scaler.provisioning == "exponential"
        return self.config.health.detector != "none" and not late

    def _heal(self, _: None) -> None:
        self.fire.injector.stop()
        self.operator.put_right(max(interval_s(self.scenario.overrides), 0.01 * self.scenario.heal_at))
        self.watcher.findings.seen("a storm that was healed")

    def _judge_calm(self, _: None) -> None:
        findings, now = self.watcher.findings, self.watcher.now()
        self.watcher.deep_look()
        if not is_guessed(self.config):
            judge_nodes(findings, self.fire, self.watcher.books, self.scenario.heal_at, now)
        anew = is_guessed(self.config) and any(self.scenario.heal_at < at for at in guessed_at(self.watcher.rows))
        if self.config.failover.enabled and not anew:
            judge_agents(findings, self.fire, now)
        findings.seen("a storm judged after R")

    def judge(self, record: RunRecord) -> None:
        """The record of a run that ended by itself."""
        watcher = self.watcher
        watcher.requests.judge(record, watcher.books, watcher.routing)
        calm_at = self.recovered_at if self._promises() else math.inf
        if self.assembly.door is not None:
            watcher.door.judge(watcher.rows, record.ended_at)
        watcher.hooks.judge(record.counts, record.ended_at)
        gated = self.assembly.door is not None or self.assembly.plugged is not None
        judge_requests(watcher.findings, self.config, record, watcher.requests, watcher.rows, calm_at, gated)

    def struck_beside(self) -> list[str]:
        """What struck and is no episode of the log: load, deeds."""
        chances: Any = getattr(self.assembly.world.engine, "chances", None)
        found = ["poison_request"] if chances is not None and chances.deaths_count else []
        if self.config.faults.overload.enabled:
            found.append("overload")
        return [*found, *(f"deed {deed.what}" for deed in self.scenario.deeds)]


def _digest(record: RunRecord | None, assembly: Assembly, findings: Findings) -> str:
    """Of the run, and of what the checkers saw."""
    told = assembly.log.digest() if record is None else record.digest
    seen = "".join(violation.as_text() for violation in findings.violations)
    counts = sorted(findings.judged.items()) + sorted(findings.probes.items())
    return hashlib.blake2b(f"{told} {counts} {seen}".encode(), digest_size=16).hexdigest()


def _told(error: BaseException) -> str:
    """The innermost error and where it came from, without the paths of a machine."""
    names = [type(error).__name__]
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
        names.append(type(error).__name__)
    frames = traceback.extract_tb(error.__traceback__)[-TRACE_LINES:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return f"{' of '.join(reversed(names))}: {' '.join(str(error).split())} [{where}]"
