"""What is understood of a file: traces, bins, distributions; rejected lines; the commands that it proposes."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.bench.compose import compose
from sim.errors import ConfigError, InputError
from sim.registry import lookup
from sim.world.params import ArrivalParams, ColumnParams
from sim.world.traces.facts import BinFacts, CdfFacts, Rejected, Sizes, TraceFacts
from sim.world.traces.inspect import inspect_trace
from sim.world.traces.sample import SAMPLE


def trace_facts(path: object, columns: ColumnParams | None = None, unit: str = "auto") -> TraceFacts:
    facts = inspect_trace(str(path), columns or ColumnParams(), unit)
    assert isinstance(facts, TraceFacts)
    return facts


def overrides_of(command: str) -> list[str]:
    words = shlex.split(command)
    assert words[:2] == ["victor-sim", "run"]
    return words[2:]


def written(folder: Path, text: str, name: str = "load.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_figure_of_a_small_trace(tmp_path: Path) -> None:
    # gaps 1 1 58 60 0 0 s: mean 20, variance (361 + 361 + 1444 + 1600 + 400 + 400) / 6
    path = written(tmp_path, "time,prompt_tokens,service_s\n" + "".join(
        f"{t},{10 * (n + 1)},{n / 2}\n" for n, t in enumerate((0, 1, 2, 60, 120, 120, 120))
    ))  # fmt: skip
    facts = trace_facts(path)
    assert (facts.rows, facts.span_s, facts.rate_per_s) == (7, 120.0, 7 / 120.0)
    assert facts.interarrival_cv == pytest.approx((4566 / 6) ** 0.5 / 20.0)
    assert facts.peak_ratio == pytest.approx(3 / (7 / 120.0))
    assert facts.busiest_minute_per_s == 3 / 60.0  # both 0 to 60 and 120 on hold three
    assert facts.sizes["prompt_tokens"] == Sizes(40.0, pytest.approx(64.0), pytest.approx(69.4), 40.0)
    assert facts.sizes["service_s"] == Sizes(1.5, pytest.approx(2.7), pytest.approx(2.97), 1.5)
    assert facts.columns == {"time": "time", "prompt_tokens": "prompt_tokens", "service_s": "service_s"}
    assert (facts.time_unit, facts.rejected_count, facts.rejected) == ("s", 0, ())
    assert overrides_of(facts.command) == ["arrivals=trace", f"arrivals.path={path}", "service=trace", "horizon_s=121"]
    assert facts.stand_in == ""  # seven rows do not say how bursty a service is


def test_rejected_lines_are_counted_and_told(tmp_path: Path) -> None:
    rows = "".join(f"{t},x\n" for t in range(1, 14))
    facts = trace_facts(written(tmp_path, f"time,prompt_tokens\n0,5\n{rows}20,7\n19,8\nsoon,8\n\n30,9\n"))
    assert (facts.rows, facts.span_s, facts.rejected_count) == (3, 30.0, 15)
    assert len(facts.rejected) == 10
    assert facts.rejected[0] == Rejected(
        3, "column 'prompt_tokens': 'x' is not accepted; accepted is a count of tokens, 0 or more, of at most 9 digits"
    )
    text = facts.as_text()
    for told in ("rejected lines     15", "row 3: column 'prompt_tokens'", "and 5 more"):
        assert told in text


def test_named_columns_and_units_come_back_in_the_command(tmp_path: Path) -> None:
    path = written(tmp_path, "start time,out\n1000,3\n2500,4\n", "it's a \\ trace.csv")
    facts = trace_facts(path, ColumnParams(time="start time", output_tokens="out"), "ms")
    assert (facts.span_s, facts.columns) == (1.5, {"time": "start time", "output_tokens": "out"})
    config = compose(overrides_of(facts.command))
    assert (config.arrivals.kind, config.arrivals.path, config.horizon_s) == ("trace", str(path), 2.0)
    assert (config.arrivals.columns.time, config.arrivals.columns.output_tokens) == ("start time", "out")
    assert config.arrivals.time_unit == "ms"


def test_a_trace_of_one_instant_is_still_told(tmp_path: Path) -> None:
    facts = trace_facts(written(tmp_path, "time\n5\n"))
    assert (facts.rows, facts.span_s) == (1, 0.0)
    assert facts.rate_per_s != facts.rate_per_s
    assert "inter-arrival CV   nan" in facts.as_text()


def test_bins_are_recognized(tmp_path: Path) -> None:
    rows = "0,2,1.5\n100,0,0\n200,4,3\n"
    for text in (rows, "start,rate,cv\n" + rows):
        facts = inspect_trace(str(written(tmp_path, text)))
        assert isinstance(facts, BinFacts)
        assert (facts.rows, facts.span_s, facts.rate_per_s, facts.rate_max_per_s) == (3, 300.0, 2.0, 4.0)
        assert (facts.cv_max, facts.empty_count, facts.rejected_count) == (3.0, 1, 0)
        assert overrides_of(facts.command)[::2] == ["arrivals=rates", "horizon_s=300"]
        assert "bins of start s, requests/s and inter-arrival CV" in facts.as_text()
        assert compose(overrides_of(facts.command)).arrivals.kind == "rates"


def test_a_distribution_is_recognized(tmp_path: Path) -> None:
    path = written(tmp_path, "0 0\n2 1\n")
    facts = inspect_trace(str(path))
    assert isinstance(facts, CdfFacts)
    assert (facts.rows, facts.mean_s, facts.last_level) == (2, 1.0, 1.0)
    assert facts.scv == pytest.approx(1.0 / 3.0)  # uniform on 0..2
    assert overrides_of(facts.command) == ["service=empirical", f"service.path={path}"]
    assert "points             2, up to F = 1" in facts.as_text()


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    for text, said in (("", "no requests"), ("a,b\n1,2\n", "no time column"), ("0 0\nx 1\n", "row 2, column 'value'")):
        with pytest.raises(InputError, match=said):
            inspect_trace(str(written(tmp_path, text)))
    with pytest.raises(InputError, match="no such file"):
        inspect_trace(str(tmp_path / "none.csv"))
    with pytest.raises(ConfigError, match=r"arrivals\.columns\.time=when"):
        inspect_trace(str(SAMPLE), ColumnParams(time="when"))


def test_the_published_figures_of_a_real_trace(data_file: Callable[[str], Path]) -> None:
    facts = trace_facts(data_file("azure_llm_2023_code.csv"))
    assert (facts.rows, facts.rejected_count, facts.time_unit) == (8819, 0, "iso")
    assert facts.span_s == 3435.948056
    assert round(facts.rate_per_s, 2) == 2.57
    assert round(facts.interarrival_cv, 1) == 13.2
    assert round(facts.peak_ratio) == 26
    assert facts.busiest_minute_per_s == pytest.approx(632 / 60.0)
    prompt, output = facts.sizes["prompt_tokens"], facts.sizes["output_tokens"]
    assert [round(p) for p in (prompt.p50, prompt.p90, prompt.p99)] == [1469, 5188, 7436]
    assert [round(p) for p in (output.p50, output.p90, output.p99)] == [13, 55, 251]
    assert overrides_of(facts.command)[2:] == ["service=llm", "horizon_s=3436"]
    config = compose(overrides_of(facts.stand_in))
    assert (config.arrivals.kind, config.service.kind) == ("mmpp", "llm")
    params = ArrivalParams(
        burst_ratio=config.arrivals.burst_ratio, burst_s=config.arrivals.burst_s, calm_s=config.arrivals.calm_s
    )
    assert config.arrivals.rate_per_s is not None
    assert lookup("arrivals", "mmpp")(params, config.arrivals.rate_per_s).rate_per_s() == 2.567


def test_other_real_files(data_file: Callable[[str], Path]) -> None:
    bins = inspect_trace(str(data_file("servegen_m-mid_client36.csv")))
    assert isinstance(bins, BinFacts)
    assert (bins.rows, bins.empty_count, bins.span_s) == (2016, 84, 14 * 86_400.0)
    assert bins.rate_per_s == pytest.approx(109.451, abs=5e-4)
    points = inspect_trace(str(data_file("bighouse_search.service.cdf")))
    assert isinstance(points, CdfFacts)
    assert (points.rows, points.last_level) == (10_001, 1.0)
    assert points.mean_s == pytest.approx(4.170e-3, abs=5e-7)
    assert points.scv**0.5 == pytest.approx(1.148, abs=5e-4)
