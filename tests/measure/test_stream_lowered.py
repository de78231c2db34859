"""The hot rules of a stream, compiled as the kernel compiles them: the same books bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.measure.histogram import Histograms
from sim.measure.stream import StreamBooks, StreamParams, stream_ended, stream_tokens
from sim.types.records import OK
from tests.measure.chance import generator

lower = pytest.importorskip("sim.kernel.lower")
structs = pytest.importorskip("sim.kernel.structs")


def columns(owner: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(owner).__slots__:
        value = getattr(owner, name)
        if isinstance(value, Histograms):
            found |= {f"{name}.{inner}": column for inner, column in columns(value).items()}
        elif isinstance(value, np.ndarray):
            found[name] = value
    return found


@pytest.mark.parametrize("sample", ["sojourn_s", "ttft_s"])
def test_compiled_books_are_pythons(sample: str) -> None:
    from numba import types

    params = StreamParams(horizon_s=500.0, from_s=33.3, tokens=True, slo_max_s=2.0, slo_sample=sample)
    plain, compiled = StreamBooks(params), StreamBooks(params)
    kind, keeper = structs.type_of(compiled), structs.Structs()
    f8, i8 = types.float64, types.int64
    ended = lower.entry(stream_ended, kind, types.void, (f8, f8, f8, f8, i8, i8))
    tokens = lower.entry(stream_tokens, kind, types.void, (f8, f8, f8, i8))
    address = keeper.of(compiled).address
    rng = generator(7)
    arrived, wait = rng.uniform(0.0, 500.0, 3000), np.maximum(rng.normal(0.0, 1.0, 3000), 0.0)
    work = np.concatenate([rng.lognormal(0.0, 4.0, 2990), [0.0, 1e-7, 1e6, 2.0**18, 2.0**-18, 1.0, 2.0, 0.5, 4.0, 3.0]])
    status, made = rng.integers(0, 6, 3000), rng.integers(1, 9, 3000)
    started = np.where(status == 2, np.nan, arrived + wait)
    for row in range(3000):
        at, begun, how = float(arrived[row]), float(started[row]), int(status[row])
        end = at if how == 2 else begun + float(work[row])
        stream_ended(plain, at, begun, end, float(work[row]), how, int(made[row]))
        ended(address, at, begun, end, float(work[row]), how, int(made[row]))
        if how == OK:
            first = begun + 0.5 * float(work[row])
            stream_tokens(plain, at, first, end, int(made[row]))
            tokens(address, at, first, end, int(made[row]))
    other = columns(compiled)
    assert int(plain.sojourns.counts.sum()) > 300
    for name, column in columns(plain).items():
        assert column.tobytes() == other[name].tobytes(), name
