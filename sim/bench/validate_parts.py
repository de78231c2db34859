"""What `validate` keeps of a replication, and how it stands in a ledger: exactly, so that going on changes no digit."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.measure.summary import Floats


@dataclass(frozen=True, slots=True)
class Reduced:
    """What is kept of a replication: the rows' values, their samples where they are quantiles, the controls."""

    values: Floats  # (rows,)
    samples: dict[str, Floats]
    controls: Floats  # (k,)
    requests_count: int
    problems: list[str]
    engine: str


def as_plain(reduced: Reduced) -> dict[str, Any]:
    """Data for JSON; samples as their bytes."""
    return {
        "values": reduced.values.tolist(),
        "samples": {name: base64.b64encode(sample.tobytes()).decode() for name, sample in reduced.samples.items()},
        "controls": reduced.controls.tolist(),
        "requests_count": reduced.requests_count,
        "problems": reduced.problems,
        "engine": reduced.engine,
    }


def from_plain(part: dict[str, Any]) -> Reduced:
    """The inverse of `as_plain`."""
    samples = {name: np.frombuffer(base64.b64decode(text)) for name, text in part["samples"].items()}
    return Reduced(
        values=np.array(part["values"]),
        samples=samples,
        controls=np.array(part["controls"]),
        requests_count=part["requests_count"],
        problems=part["problems"],
        engine=part["engine"],
    )
