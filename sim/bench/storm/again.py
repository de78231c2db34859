"""A storm's seed once more: the same run bit for bit, or the first difference named; then what broke, made small."""

from __future__ import annotations

from itertools import zip_longest

from sim.bench.storm.draw import draw_scenario
from sim.bench.storm.incident import incident
from sim.bench.storm.run import Outcome, run_storm
from sim.bench.storm.shrink import Shrinker


def first_difference(one: Outcome, other: Outcome) -> str | None:
    """What differs first between two runs of a scenario; None where nothing does."""
    if one.digest == other.digest:
        return None
    for number, (left, right) in enumerate(zip_longest(one.rows, other.rows)):
        if left != right:
            return f"event {number}: {left} and {right}"
    for name in ("violations", "virtual_s", "requests_count"):
        if getattr(one, name) != getattr(other, name):
            return f"{name}: {getattr(one, name)} and {getattr(other, name)}"
    counts = sorted(set(one.findings.judged) | set(other.findings.judged))
    for name in counts:
        if one.findings.judged[name] != other.findings.judged[name]:
            return f"{name} is judged {one.findings.judged[name]} and {other.findings.judged[name]} times"
    return f"the tables of attempts: digests {one.digest} and {other.digest}"


def replay_storm(seed: int, size: str | None = None, shrinks: bool = True) -> tuple[str, str, bool]:
    """What was drawn and came of it; an incident report ("" without a violation); whether all is well."""
    scenario = draw_scenario(seed, size)
    outcome, again = run_storm(scenario), run_storm(scenario)
    difference = first_difference(outcome, again)
    same = "the same again, bit for bit" if difference is None else f"the second run differs; {difference}"
    lines = [scenario.as_text(), f"digest {outcome.digest}: {same}"]
    struck = ", ".join(outcome.struck) or "nothing"
    lines.append(f"struck: {struck}; {sum(outcome.findings.judged.values())} judgments, "
                 f"{outcome.requests_count} requests, {outcome.virtual_s:.6g} virtual seconds")  # fmt: skip
    lines += [violation.as_text() for violation in outcome.violations]
    report = ""
    if outcome.violations and shrinks:
        shrinker = Shrinker(outcome)
        report = incident(shrinker.shrink(), outcome, shrinker.runs_count)
    return "\n".join(lines), report, difference is None and not outcome.violations
