"""What README and the page of all figures tell is what stands in the committed tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
FRONT, FIGURES = ROOT / "README.md", RESULTS / "README.md"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def line_of(page: Path, start: str) -> str:
    """The one row of a table whose first cell begins so."""
    (found,) = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {start}")]
    return found


def short(value: float) -> str:
    """Three figures, without the 0 before the point."""
    return f"{value:.3g}".removeprefix("0")


def ratio(what: str, baseline: str) -> float:
    (row,) = [row for row in rows_of(RESULTS / "bench" / "bench.csv") if (row["what"], row["baseline"]) ==
              (what, baseline)]  # fmt: skip
    return float(row["ratio"])


@pytest.mark.parametrize(("page", "start"), [(FRONT, "[how fast"), (FIGURES, "speed of the compiled")])
def test_speeds_are_those_of_the_bench(page: Path, start: str) -> None:
    told = line_of(page, start)
    (bare,) = [row for row in rows_of(RESULTS / "bench" / "speeds.csv") if row["engine"] == "compiled engine, bare"]
    assert f"{float(bare['requests_per_s']) / 1e6:.1f} million requests" in told
    assert f"{ratio('compiled engine, bare', 'idiomatic simpy, bare'):.0f} times idiomatic SimPy" in told
    assert f"{short(ratio('compiled engine, bare', 'C floor, by hand'))} of " in told
    assert short(ratio("compiled engine, all on", "compiled engine, bare")) in told


@pytest.mark.parametrize(("page", "start"), [(FRONT, "[does anything break"), (FIGURES, "storms: ")])
def test_storms_are_those_of_the_ledger(page: Path, start: str) -> None:
    told = line_of(page, start)
    said = (RESULTS / "storm" / "README.md").read_text(encoding="utf-8")
    (totals,) = re.findall(r"\*\*([\d,]+) schedules, (\d+) violations, ([\d,]+) virtual fleet hours\*\*", said)
    schedules, violations, hours = totals
    for words in (f"{schedules} ", f"{violations} violations", f"{hours} virtual hours"):
        assert words in told


@pytest.mark.parametrize(("page", "start"), [(FRONT, "[are the optimizer"), (FIGURES, "are the optimizer")])
def test_claims_are_those_of_the_goals(page: Path, start: str) -> None:
    told = line_of(page, start)
    goals = [row for row in rows_of(RESULTS / "optimizer" / "goals.csv") if row["method"] == "victor" and row["asked"]]
    reached = sum(row["reached"] == "reached" for row in goals)
    assert re.search(rf"\b{reached} of (its )?{len(goals)} goals", told)
    applied = [row for row in rows_of(RESULTS / "optimizer" / "claims.csv") if row["applied"] == "true"]
    better = sum(float(row["true"]) > 0.0 for row in applied)
    assert f"{better} of {len(applied)} proved recommendations" in told
    (bias,) = [row for row in goals if row["goal"] == "claim bias over the true gain"]
    assert f"{abs(100 * float(bias['measured'])):.1f} % too {'high' if float(bias['measured']) > 0 else 'low'}" in told


@pytest.mark.parametrize(("page", "start"), [(FRONT, "[what does the gateway"), (FIGURES, "what the gateway costs")])
def test_the_gateways_cost_is_that_of_its_bench(page: Path, start: str) -> None:
    told = line_of(page, start)
    (core,) = [row for row in rows_of(RESULTS / "gateway" / "bench.csv") if row["what"] == "gateway core"]
    assert f"{float(core['ratio']):.2f}".removeprefix("0") + " of a bare ASGI" in told
    p99 = {row["what"]: f"{float(row['p99_ms']):.1f}" for row in rows_of(RESULTS / "gateway" / "latency.csv")}
    assert f"{p99['gateway core']} ms" in told
    assert p99["bare ASGI"] in told


def test_attacks_are_those_of_their_rows() -> None:
    rows = rows_of(RESULTS / "plugins" / "attacks.csv")
    passed = sum(row["outcome"] == "passed" for row in rows)
    for page, start in ((FRONT, "[what can a plugin"), (FIGURES, "attacks on the sandbox")):
        assert f"{passed} of {len(rows)}" in line_of(page, start)


@pytest.mark.parametrize("page", [FRONT, FIGURES])
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, link
