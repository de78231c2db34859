"""victor-sim inspect FILE [arrivals.columns.FIELD=NAME ...] [arrivals.time_unit=UNIT]

What is understood of a trace: rows, span, rate, burstiness, sizes, units, rejected lines, and the command to use it.
FIELD is one of time, prompt_tokens, output_tokens, service_s, type, key; UNIT one of auto, s, ms, us, ns, iso.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sim.experiments.words import asks_help, parse


def main(arguments: Sequence[str]) -> int:
    """1 when lines were rejected, 2 when it cannot be read at all."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    from sim.world.params import ColumnParams
    from sim.world.traces.inspect import inspect_trace

    words = parse(arguments)
    if len(words.words) != 1:
        print("victor-sim: inspect takes one FILE", file=sys.stderr)
        return 2
    named = dict(text.split("=", 1) for text in words.overrides)
    prefix = "arrivals.columns."
    columns = {key.removeprefix(prefix): value for key, value in named.items() if key.startswith(prefix)}
    unknown = [key for key in columns if key not in ColumnParams.__dataclass_fields__]
    if unknown:
        print(f"victor-sim: {prefix}{unknown[0]}: accepted is one of time, prompt_tokens, output_tokens, service_s, "
              "type, key", file=sys.stderr)  # fmt: skip
        return 2
    facts = inspect_trace(words.words[0], ColumnParams(**columns), named.get("arrivals.time_unit", "auto"))
    print(facts.as_text())
    return 1 if facts.rejected_count else 0
