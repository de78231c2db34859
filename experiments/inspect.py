"""victor-sim inspect FILE [arrivals.columns.FIELD=NAME ...] [arrivals.time_unit=UNIT]

What is understood of a trace: rows, span, rate, burstiness, sizes, units, rejected lines, and the command to use it.
FIELD is one of time, prompt_tokens, output_tokens, service_s, type, key; UNIT one of auto, s, ms, us, ns, iso.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sim.experiments.words import parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """0 when the file is understood, lines that are rejected told with it; 2 when it cannot be read at all."""
    words = parse(arguments, (), (), ("FILE",))
    from sim.bench.compose import compose_unchecked
    from sim.bench.compose import parse as parse_overrides
    from sim.world.params import ColumnParams
    from sim.world.traces.inspect import inspect_trace

    arrivals = compose_unchecked(parse_overrides(words.overrides)).arrivals
    columns = ColumnParams(**dataclasses.asdict(arrivals.columns))
    print(inspect_trace(words.words[0], columns, arrivals.time_unit).as_text())
    return 0
