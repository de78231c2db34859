"""All checkers of one run, put around its assembly: who reads which events, and when everybody looks.

After every instant with a control event everybody compares books (after all else of the instant); at the deep looks of
the scenario a second control plane is started from the journal and every state is read back.
"""

from __future__ import annotations

from typing import Any

from sim.bench.assemble import Assembly
from sim.bench.check_fire import PROBES
from sim.bench.schema import Config
from sim.bench.storm.bounds import detection_s
from sim.bench.storm.checkers.agents import Agents, WatchedJournal
from sim.bench.storm.checkers.beside import HooksWatch, TuningWatch
from sim.bench.storm.checkers.door import DoorWatch
from sim.bench.storm.checkers.nodes import CUTTING, SILENCING, NodeBooks
from sim.bench.storm.checkers.requests import Requests
from sim.bench.storm.checkers.restart import judge_restart
from sim.bench.storm.checkers.routing import Routing
from sim.bench.storm.checkers.scaling import Scaling
from sim.bench.storm.checkers.states import States
from sim.bench.storm.findings import Findings
from sim.bench.storm.scenario import Scenario
from sim.bench.taps import Taps
from sim.runtime.events import Row
from sim.runtime.order import ARRIVAL
from sim.runtime.shuffled import ShuffledEnvironment
from sim.scalability.manager.disks import Disks
from sim.world.pulse import Pulse

LAST_RANK = ARRIVAL + 1
REASONED = frozenset((
    "node_status", "node_fenced", "node_removed", "node_ejected", "node_readmitted", "breaker_opened",
    "breaker_half_open", "breaker_closed", "panic_began", "panic_ended", "agent_pending", "agent_stopped",
    "agent_starting", "agent_ready", "scale_out", "scale_in", "scale_held", "scale_failed", "state_lost",
))  # fmt: skip


class Watcher:
    """`taps` goes into the assembly; `attach` before it runs; `findings` hold what came of it."""

    def __init__(self, scenario: Scenario, config: Config) -> None:
        self.scenario, self.config = scenario, config
        self.findings = findings = Findings()
        self.env = ShuffledEnvironment(scenario.order_word)
        self.books = NodeBooks(self.now)
        if config.health.detector in PROBES:
            self.books.silencing = (*SILENCING, *CUTTING)
        self.routing = Routing(findings, self.books, self.now)
        self.routing.detection_s = detection_s(scenario.overrides)
        self.routing.ejected_max_ratio = config.health.ejection.ejected_max_ratio
        self.routing.trials_max = config.breaker.trials_max
        self.agents = Agents(findings, self.books, self.now)
        self.journal = WatchedJournal(self.agents.record, scenario.records_max)
        self.disks = Disks()
        self.states = States(findings, self.books, self.agents, self.disks)
        self.requests = Requests(findings, config)
        self.scaling = Scaling(findings, config)
        self.door = DoorWatch(findings, config, self.now)
        self.hooks, self.tuning = HooksWatch(findings, self.now), TuningWatch(findings, self.now)
        self._readers = (self.books.read, self.agents.read, self.routing.read, self.states.read, self.scaling.read)
        self.rows: list[Row] = []
        self._last_at = 0.0
        self._look_due = False
        self._assembly: Assembly | None = None

    def now(self) -> float:
        """Virtual seconds."""
        return self.env.now

    def taps(self) -> Taps:
        """What the assembly takes."""
        return Taps(self.env, self.journal, self.disks, self.routing.tap)

    def attach(self, assembly: Assembly) -> None:
        """Read along from the first event on."""
        self._assembly = assembly
        assembly.log.listeners.append(self.read)
        self.requests.tap(assembly.world.engine)
        if self.config.health.detector not in PROBES and assembly.fire is not None:
            self._hear(assembly.fire.pulse)
        if assembly.door is not None:
            self.door.tap(assembly.door)
        if assembly.plugged is not None:
            self.hooks.tap(assembly.plugged)
        if assembly.tuned is not None:
            self.tuning.tap(assembly.tuned)

    def _hear(self, pulse: Pulse) -> None:
        """A word that was sent before its machine fell silent and comes late: it is silent to others from here on."""
        heard = pulse.heard

        def late(node_id: str, at: float, cpu_usage: float) -> None:
            self.books.spoke(node_id)
            heard(node_id, at, cpu_usage)

        pulse.heard = late

    def read(self, row: Row) -> None:
        """An event of the log."""
        findings, kind, at = self.findings, row.kind, row.at
        self.rows.append(row)
        last_at, now = self._last_at, self.env.now
        findings.hold("T1", last_at <= at == now, at, row.subject,
                      lambda: f"{kind} at {at:.9g} s, the last at {last_at:.9g} s, the clock at {now:.9g}")  # fmt: skip
        self._last_at = max(last_at, at)
        if kind in REASONED:
            told = dict(row.fields)
            findings.hold("T1", bool(told.get("reason")), at, row.subject, lambda: f"{kind} without a reason")
            if kind == "node_status":
                findings.seen(f"a node goes {told['new']}")
            elif not kind.startswith("agent_"):
                findings.seen(kind)
        for reader in self._readers:
            reader(row)
        if not self._look_due and self._assembly is not None and self._assembly.world.loaded:
            self._look_due = True
            self.env.call_at(now, LAST_RANK, 0, self._look, None)

    def _look(self, _: None) -> None:
        self._look_due = False
        self.look()

    def look(self) -> None:
        """Everybody compares books now."""
        assembly, now = self._assembly, self.now()
        assert assembly is not None
        self.requests.look(now, assembly.door is not None or assembly.plugged is not None)
        self.routing.look(now)
        self.agents.look(assembly.manager, now)

    def deep_look(self, _: Any = None) -> None:
        """And what costs more."""
        assembly = self._assembly
        assert assembly is not None
        self.look()
        judge_restart(self.findings, assembly.manager, self.journal, self.disks, assembly.runtime)
        self.states.look(assembly.manager, self.now(), self.config.failover.enabled)
