"""Demands from CDF points: exact inversion, the mass beyond the points, a measured file, rows that are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.errors import ConfigError, InputError
from sim.registry import lookup
from sim.runtime.draws import SERVICE_REQUEST, CounterDraws
from sim.world.params import ServiceParams
from sim.world.service.empirical import read_points
from sim.world.service.laws import InversionLaw
from tests.world.arrivals.loads import Z

DRAWS = CounterDraws(3, 0)
ENTITIES = np.arange(20_000, dtype=np.uint64)


def law_of(folder: Path, text: str, scale: float = 1.0) -> InversionLaw:
    path = folder / "points.cdf"
    path.write_text(text, encoding="utf-8")
    law: InversionLaw = lookup("service", "empirical")(ServiceParams(path=str(path), scale=scale))
    return law


def test_inversion_is_linear_between_points(tmp_path: Path) -> None:
    law = law_of(tmp_path, "1.0 0.0\n2.0,0.25\n\n2.0\t0.5\n6.0, 1.0\n")
    u = DRAWS.uniforms(SERVICE_REQUEST, 0, 20_000)[:, 0]
    expected = np.where(u <= 0.25, 1.0 + 4.0 * u, np.where(u <= 0.5, 2.0, 2.0 + 8.0 * (u - 0.5)))
    assert np.allclose(law.work_s(DRAWS, ENTITIES, None), expected, rtol=1e-14)
    assert law.mean_s() == 0.25 * 1.5 + 0.25 * 2.0 + 0.5 * 4.0


def test_what_was_not_measured_lies_on_the_outer_points(tmp_path: Path) -> None:
    law = law_of(tmp_path, "1.0 0.3\n3.0 0.8\n", scale=2.0)
    work = np.array(law.work_s(DRAWS, ENTITIES, None))
    assert law.mean_s() == pytest.approx(2.0 * (0.3 * 1.0 + 0.5 * 2.0 + 0.2 * 3.0))
    assert (work.min(), work.max()) == (2.0, 6.0)
    for value, share in ((2.0, 0.3), (6.0, 0.2)):
        assert abs(np.mean(work == value) - share) < Z * math.sqrt(share * (1.0 - share) / len(work))


@pytest.mark.parametrize(
    ("text", "row", "column", "said"),
    [
        ("0 0\n1 0.5\n0.5 0.7\n", 3, "value", "'0.5' is not accepted; accepted is seconds, 0 or more"),
        ("0 0\n1 0.5\n2 0.4\n", 3, "F", "'0.4' is not accepted; accepted is a share in 0..1, not below the row above"),
        ("0 0\n1 1.5\n", 2, "F", "'1.5' is not accepted"),
        ("-1 0\n1 1\n", 1, "value", "'-1' is not accepted"),
        ("0 0\n1\n", 2, "value", "two columns a row"),
        ("0 0\n1 1 1\n", 2, "value", "two columns a row"),
        ("value F\n1 1\n", 1, "value", "'value' is not accepted"),
        ("0 0\ninf 1\n", 2, "value", "'inf' is not accepted"),
        ("1 1\n", None, None, "1 points; accepted are two or more"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, text: str, row: int | None, column: str | None, said: str) -> None:
    with pytest.raises(InputError) as raised:
        law_of(tmp_path, text)
    assert (raised.value.row, raised.value.column) == (row, column)
    assert said in str(raised.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"service\.path"):
        lookup("service", "empirical")(ServiceParams())
    with pytest.raises(InputError, match="no such file"):
        read_points(str(tmp_path / "none.cdf"))
    with pytest.raises(ConfigError, match="a mean above 0"):
        law_of(tmp_path, "0 0.5\n0 1\n")


def test_web_search_service_times(data_file: Callable[[str], Path]) -> None:
    path = str(data_file("bighouse_search.service.cdf"))
    law = lookup("service", "empirical")(ServiceParams(path=path))
    assert law.mean_s() == pytest.approx(4.170e-3, abs=5e-7)
    work = np.array(law.work_s(DRAWS, ENTITIES, None))
    cv = 1.148  # of the points; published 1.13
    assert abs(work.mean() - law.mean_s()) < Z * law.mean_s() * cv / math.sqrt(len(work))
    for value, share in ((0.0461, 0.999), (0.0183, 0.99016)):  # points of the file
        assert abs(np.mean(work <= value) - share) < Z * math.sqrt(share * (1.0 - share) / len(work))
