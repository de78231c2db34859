"""victor-sim inspect FILE [arrivals.columns.FIELD=NAME ...] [arrivals.time_unit=UNIT]

What is understood of a trace: rows, span, rate, burstiness, sizes, units, rejected lines, and the command to use it.
FILE is a CSV with a header, an access log (common or combined format, nginx or Apache) or Parquet (pip install
'victor-sim[parquet]'), gzip-compressed or not. FIELD is one of time, prompt_tokens, output_tokens, service_s, type,
key; UNIT one of auto, s, ms, us, ns, iso. Of an access log, arrivals.columns.service_s names what stands behind the
agent: rt (of rt=0.123), or extra1, extra2, ... where it has no name; with _ms or _us behind it where it is no seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """0 when the file is understood, lines that are rejected told with it; 2 when it cannot be read at all."""
    words = parse(arguments, (), (), ("FILE",))
    from sim.bench.compose import compose_unchecked
    from sim.bench.compose import parse as parse_overrides
    from sim.bench.own_data import inspect_file
    from sim.world.params import ColumnParams

    config = compose_unchecked(parse_overrides(words.overrides))
    arrivals = config.arrivals
    columns = ColumnParams(**dataclasses.asdict(arrivals.columns))
    print(inspect_file(words.words[0], Path(config.paths.state), columns, arrivals.time_unit).as_text())
    return 0
