"""Rare things that must happen sometimes: a storm that never reaches them tests nothing there (as FoundationDB's)."""

from __future__ import annotations

from collections import Counter

PROBES = (
    "a deed that is refused", "a fence", "a key that nobody issued", "a rate limit that is reached",
    "a plugin that is too late",
    "a request that a plugin turns away", "a setting on trial",
    "a node goes draining", "a node goes maintenance", "a node goes offline",
    "a node goes online", "a node that was fenced", "a place that is stranded", "a request of several attempts",
    "a request to a machine that is dead and not yet found", "a scale-in", "a scale-out", "a state that is lost",
    "a state that was read back", "a storm judged after R", "a storm that was healed",
    "a trial of a half open breaker", "an agent that moved", "an agent that waits", "an attempt that timed out",
    "an operator's call that was cut off", "breaker_closed", "breaker_half_open", "breaker_opened",
    "deed: bad_heartbeat", "deed: capacity", "deed: deploy", "deed: drain", "deed: farewell", "deed: foreign_load",
    "deed: late_heartbeat", "deed: offline", "deed: remove", "deed: reopen", "deed: rest", "deed: undeploy",
    "node_ejected", "node_fenced", "node_readmitted", "node_removed", "panic_began", "panic_ended",
    "retries under a budget of active requests", "retries under a budget of fresh requests", "scale_failed",
    "scale_held", "scale_in", "scale_out", "state_lost",
)  # fmt: skip


def missing(hits: Counter[str]) -> list[str]:
    """Probes that were never hit."""
    return [name for name in PROBES if not hits[name]]
