"""What the checkers of a storm found: how often each invariant was judged, what broke, and which rare things happened.

Ids follow the catalogue of invariants (M: manager and requests, T: event log, G: gateway, P: plugins, O: optimizer,
L: liveness, X: the run as a whole). A checker says `hold(id, ok, ...)` with its own numbers; it never repairs, and
never asks the code under test whether it is right. Up to `VIOLATIONS_MAX` violations are kept, all are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

VIOLATIONS_MAX = 20

INVARIANTS = {
    "M1": "an agent has at most one live epoch, epochs only rise, and a fenced node's answer never counts",
    "M2": "agents registered = placed + pending + stopped; none vanishes",
    "M3": "requests accepted = ended + in the system, at every instant",
    "M4": "a request ends once, is answered at most once, and what must not run twice does not",
    "M5": "what is placed on a node, what it may still run and what is foreign never exceed its capacity",
    "M6": "nothing is sent to a node that is down, draining, resting, ejected, open or unknown (but for a panic)",
    "M7": "a machine that is silent for longer than the detection bound is not sent anything",
    "M8": "the autoscaler stays within min, max and its steps",
    "M9": "no scale-in follows a scale-out within the stabilization window (hpa)",
    "M11": "a node that left has nothing open, and nothing is placed on a node that drains",
    "M12": "an acknowledged state is lost only with its last copy, and its version never goes back",
    "M14": "retries stay within their budget, attempts within their maximum, answers within the deadline",
    "M15": "a control plane that starts from the journal has the same assignment",
    "M16": "the balancer counts in flight what was sent and did not end, and forgets nothing",
    "M17": "never more nodes ejected than the cap, nothing to a breaker but its trials",
    "T1": "instants of the event log never go back, and every decision has its reason",
    "L1": "after the storm every working machine that nobody keeps out is in service within R",
    "L2": "after the storm no agent waits while there is room, and no place is held by nobody, within R",
    "L3": "after the storm every state has as many copies as are asked for, within R",
    "L4": "every request ends",
    "L5": "what arrives last, into a sound fleet with room to spare, is answered",
    "G1": "a request without a good key never reaches the fleet",
    "G2": "a key is let in at most burst + rate x time, over every stretch of time",
    "G4": "no key stands in any event",
    "P1": "hooks on a request's way cost no more virtual time than their timeouts",
    "P5": "each request that comes to the plugins is asked about once, and its end is told once",
    "O1": "every setting that the optimizer tries or lets stand is finite and within its box",
    "X1": "nothing raises what nobody documented",
    "X2": "the same seed is the same run",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant: where, when, and what the checker's own books say."""

    invariant: str
    at: float
    subject: str
    told: str

    def as_text(self) -> str:
        """One line."""
        return f"{self.invariant} at {self.at:.9g} s, {self.subject}: {self.told}"


@dataclass(slots=True)
class Findings:
    """Of one run."""

    judged: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    probes: Counter[str] = field(default_factory=Counter)  # "sometimes": rare things that did happen

    def hold(self, invariant: str, ok: bool, at: float, subject: str, told: Callable[[], str]) -> bool:
        """Judge an invariant once; `told` is asked only where it is broken."""
        self.judged[invariant] += 1
        if not ok:
            self.fail(invariant, at, subject, told())
        return ok

    def fail(self, invariant: str, at: float, subject: str, told: str) -> None:
        """It is broken."""
        assert invariant in INVARIANTS, invariant
        self.broken[invariant] += 1
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(invariant, at, subject, told))

    def seen(self, probe: str) -> None:
        """Something rare happened."""
        self.probes[probe] += 1
