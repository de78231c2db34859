"""Load known as bins: counts and burstiness a bin, rescaling, speedup, and rows that are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.errors import ConfigError, InputError
from sim.world.traces.bins import Bin, read_bins
from tests.world.arrivals.loads import Z, cv_and_error, instants, law_of, mean_and_error


def bins_file(folder: Path, text: str) -> str:
    path = folder / "bins.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_bins_are_read_with_and_without_a_header(tmp_path: Path) -> None:
    rows = "100,2.0,1.5,Gamma,.6\n160,0,,,0\n\n300, 4.5 ,0.5\n"
    wanted = [Bin(100.0, 160.0, 2.0, 1.5), Bin(160.0, 300.0, 0.0, 0.0), Bin(300.0, 440.0, 4.5, 0.5)]
    rows = rows.replace(",0,,,0", ",0,0,,0")
    assert read_bins(bins_file(tmp_path, rows)) == wanted
    assert read_bins(bins_file(tmp_path, "start,rate,cv\n" + rows)) == wanted


@pytest.mark.parametrize(
    ("text", "row", "column", "said"),
    [
        ("0,1,1\n60,x,1\n", 2, "rate", "'x' is not accepted; accepted is requests a second, 0 or more"),
        ("start,rate,cv\n0,1,1\n60,-1,1\n", 3, "rate", "'-1' is not accepted"),
        ("0,1,1\n60,1\n", 2, "cv", "'' is not accepted; accepted is a coefficient of variation, 0 or more"),
        ("0,1,1\n60,1,inf\n", 2, "cv", "'inf' is not accepted"),
        ("0,1,1\n\n0,1,1\n", 3, "start", "'0' is not accepted; accepted is seconds that grow from row to row"),
        ("0,1,1\nend,1,1\n", 2, "start", "'end' is not accepted"),
        ("0,1,1\n", None, None, "1 bins; two or more are needed"),
        ("", None, None, "0 bins"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, text: str, row: int | None, column: str | None, said: str) -> None:
    path = bins_file(tmp_path, text)
    with pytest.raises(InputError) as raised:
        law_of("rates", None, path=path)
    assert (raised.value.path, raised.value.row, raised.value.column) == (path, row, column)
    assert said in str(raised.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"arrivals\.path"):
        law_of("rates", None)
    with pytest.raises(InputError, match="no such file"):
        law_of("rates", None, path=str(tmp_path / "none.csv"))
    with pytest.raises(InputError, match="no request in any bin"):
        law_of("rates", None, path=bins_file(tmp_path, "0,0,0\n60,0,0\n"))


def test_bins_keep_their_rates(tmp_path: Path) -> None:
    path = bins_file(tmp_path, "1000,20,1.0\n1400,0,0\n1500,5,1.0\n")
    at = instants("rates", None, 1e9, path=path)
    counts = [int(np.sum((at >= low) & (at < high))) for low, high in ((0, 400), (400, 500), (500, 600))]
    assert counts[1] == 0
    assert at[-1] < 600.0  # the file's end, not the horizon, ends the load
    for count, expected in ((counts[0], 8000.0), (counts[2], 500.0)):
        assert abs(count - expected) < Z * math.sqrt(expected)


def test_bins_keep_their_burstiness(tmp_path: Path) -> None:
    at = instants("rates", None, 1e9, path=bins_file(tmp_path, "0,50,3.0\n400,50,0.5\n"))
    for low, cv in ((0.0, 3.0), (400.0, 0.5)):
        gaps = np.diff(at[(at >= low) & (at < low + 400.0)])
        measured, error = cv_and_error(gaps)
        assert abs(measured - cv) < Z * error, f"bin at {low}"


def test_empty_bins_before_the_first_request_and_steady_bins(tmp_path: Path) -> None:
    at = instants("rates", None, 1e9, path=bins_file(tmp_path, "0,0,0\n10,2,0\n20,2,0\n"))
    assert np.allclose(np.diff(at), 0.5, rtol=1e-12)
    assert 10.0 < at[0] < 10.5  # CV 0: a first gap anywhere within one
    assert len(at) == 40


def test_a_mean_rate_rescales_and_a_speedup_compresses(tmp_path: Path) -> None:
    path = bins_file(tmp_path, "0,1,1\n100,3,1\n")
    as_in_file = law_of("rates", None, path=path)
    assert (as_in_file.rate_per_s(), as_in_file.terminating) == (2.0, True)
    assert law_of("rates", None, path=path, speedup=4.0).rate_per_s() == 8.0
    assert law_of("rates", 10.0, path=path, speedup=4.0).rate_per_s() == 10.0
    whole = instants("rates", None, 1e9, path=path)
    quick = instants("rates", None, 1e9, path=path, speedup=4.0)
    assert np.allclose(quick * 4.0, whole, rtol=1e-12)
    assert quick[-1] < 50.0
    counts = [float(len(instants("rates", 10.0, 1e9, path=path, speedup=4.0, replication=r))) for r in range(200)]
    mean, error = mean_and_error(counts)
    assert abs(mean - 500.0) < Z * error


def test_a_production_client(data_file: Callable[[str], Path]) -> None:
    path = data_file("servegen_m-mid_client36.csv")
    bins = read_bins(str(path))
    assert len(bins) == 2016
    assert sum(b.rate_per_s == 0.0 for b in bins) == 84
    law = law_of("rates", None, path=str(path), speedup=100.0)
    assert law.rate_per_s() == pytest.approx(10945.1, rel=1e-4)
    at = instants("rates", None, 18.0, path=str(path), speedup=100.0)  # three bins of 6 s
    for number, b in enumerate(bins[:3]):
        count = np.sum((at >= number * 6.0) & (at < (number + 1) * 6.0))
        expected = b.rate_per_s * 600.0
        # variance of a renewal count: cv^2 x mean
        assert abs(count - expected) < Z * b.cv * math.sqrt(expected), f"bin {number}"
