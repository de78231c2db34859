"""The files of a report: exact tables, the same bytes twice, nothing from a network, markup in names harmless."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sim.errors import ConfigError
from sim.report import page
from sim.report.files import write_text
from sim.report.page import write_report
from sim.report.table_files import comparisons_csv, points_csv
from tests.report.synthetic import STRATEGIES, study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written report of ten strategies in two situations."""
    folder = tmp_path_factory.mktemp("report")
    write_report(study(), folder)
    return folder


def test_files_are_the_agreed_ones(folder: Path) -> None:
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    figures = [f"figures/{name}-{at}.svg" for name in ("forest", "heat", "quantiles", "tail") for at in (1, 2)]
    assert names == ["comparisons.csv", *figures, "points.csv", "replications.csv", "report.html", "report.md"]
    assert (folder / "report.html").stat().st_size < 5_000_000


def test_points_table_is_exact() -> None:
    summary = study()
    rows = list(csv.reader(io.StringIO(points_csv(summary))))
    assert rows[0] == [
        "point", "balancer", "situation", "metric", "unit", "mean", "ci_low", "ci_high", "replications",
    ]  # fmt: skip
    assert len(rows) - 1 == sum(len(point.estimates) for point in summary.points)
    point = summary.points[0]
    wanted = point.estimates["sojourn_s_p99"]
    (row,) = (row for row in rows if row[0] == point.point and row[3] == "sojourn_s_p99")
    assert row[1:5] == ["round_robin", "equal nodes, 1 dispatcher", "sojourn_s_p99", "s"]
    assert [float(text) for text in row[5:8]] == [wanted.mean, wanted.ci_low, wanted.ci_high]  # to the last bit
    assert row[8] == "10"


def test_comparisons_table_is_exact() -> None:
    summary = study()
    rows = list(csv.reader(io.StringIO(comparisons_csv(summary))))
    assert rows[0] == ["point", "baseline", "metric", "difference", "ci_low", "ci_high", "p_adjusted"]
    assert len(rows) - 1 == len(summary.comparisons)
    first = summary.comparisons[0]
    assert rows[1][:3] == [first.point, first.baseline, first.metric]
    assert [float(text) for text in rows[1][3:]] == [first.difference, first.ci_low, first.ci_high, first.p_adjusted]


def test_what_was_not_estimated_is_empty_in_the_table() -> None:
    summary = study(situations=("",))
    point = summary.points[0]
    point.estimates["sojourn_s_p99"] = replace(
        point.estimates["sojourn_s_p99"], ci_low=float("nan"), ci_high=float("nan"), replications=1
    )
    (row,) = (
        row
        for row in csv.DictReader(io.StringIO(points_csv(summary)))
        if row["point"] == point.point and row["metric"] == "sojourn_s_p99"
    )
    assert (row["ci_low"], row["ci_high"], row["replications"]) == ("", "", "1")


def test_the_same_summary_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_report(study(), tmp_path)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes(), path.name


def test_nothing_comes_from_a_network(folder: Path) -> None:
    for name in ("report.html", "figures/tail-1.svg", "figures/heat-1.svg"):
        text = (folder / name).read_text(encoding="utf-8")
        text = re.sub(r"<!DOCTYPE svg [^>]*>", "", text)  # the name of a standard, fetched by nobody
        text = re.sub(r'data:image/png;base64,[^"]*', "", text)
        text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
        assert re.findall(r"(?:https?:)?//[\w.]+", text) == []
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert sources
    assert {s for s in sources if not s.startswith(("#", "data:image/png;base64,"))} == {
        "points.csv", "comparisons.csv", "report.md",
    }  # fmt: skip


def test_ids_are_unique_and_references_meet_them(folder: Path) -> None:
    html = (folder / "report.html").read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_figures_say_nothing_of_date_or_program(folder: Path) -> None:
    text = (folder / "figures/forest-1.svg").read_text(encoding="utf-8")
    assert "<metadata>" not in text
    assert "Matplotlib" not in text
    assert "<title>Forest plot of p99 latency against round_robin:" in text
    assert all(f">{name}<" in text for name in STRATEGIES if name != "round_robin")  # text stays text


def test_markup_in_names_is_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>&$x_1$|"
    summary = study(situations=(evil,), name=evil, question=evil, command=evil, notes=[evil], versions={evil: evil})
    write_report(summary, tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("<script>") == 1  # our own
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;$x_1$|" in html
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert markdown.startswith("# \\<script\\>alert(1)\\</script\\>&$x\\_1$\\|\n")


def test_a_figure_that_does_not_exist_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"study\.figures=pie: accepted is one of bars, flapping, forest, heat, incidents, load"
    ):
        write_report(study(figures=["forest", "pie"]), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.txt"
    write_text(target, "one\n")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "two \ud800")
    assert target.read_text(encoding="utf-8") == "one\n"
    assert [path.name for path in target.parent.iterdir()] == ["b.txt"]


def test_past_the_bound_figures_are_linked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "INLINE_BYTES_MAX", 60_000)
    write_report(study(), tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    linked = re.findall(r'this figure is in <a href="([^"]+)"', html)
    assert linked
    assert html.count("<svg ") + len(linked) == 8
    assert all((tmp_path / file).is_file() for file in linked)
