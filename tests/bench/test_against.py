"""Two folders of results: equal bits where nothing changed, paired differences where the code did, ranks for speed."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sim.bench.against import against
from sim.bench.plan import Plan
from sim.errors import InputError

OURS = Path("results/tiny")


@pytest.fixture
def theirs(study: Plan, tmp_path: Path) -> Path:
    """A copy of the results."""
    return Path(shutil.copytree(OURS, tmp_path / "other"))


def shifted(folder: Path, point: str, metric: str, by: list[float]) -> None:
    """Another value of a metric in points.csv and replications.csv; its mean moves by the mean of `by`."""
    for name, changed in (("points.csv", None), ("replications.csv", by)):
        with (folder / name).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        column = rows[0].index("mean") if changed is None else 2
        for row in rows[1:]:
            if row[0] == point and metric in row[1:3]:
                moves = [float(np.mean(by))] if changed is None else changed
                row[column : column + len(moves)] = [
                    repr(float(text) + move) for text, move in zip(row[column:], moves, strict=False)
                ]
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def recoded(folder: Path, **changes: str) -> None:
    path = folder / "manifest.json"
    tree = json.loads(path.read_text(encoding="utf-8"))
    tree["versions"] |= changes
    path.write_text(json.dumps(tree), encoding="utf-8")


def test_a_copy_is_equal(theirs: Path) -> None:
    text, same = against(OURS, theirs)
    assert same
    assert "0 differ" in text
    assert "changed" not in text
    assert "NOT REPRODUCED" not in text


def test_a_number_that_differs_though_nothing_changed_is_a_broken_promise(theirs: Path) -> None:
    shifted(theirs, "balancer=random", "wait_s_mean", [0.1, 0.1, 0.1])
    text, same = against(OURS, theirs)
    assert not same
    assert "NOT REPRODUCED: 1 numbers differ although code, config, seed and libraries are the same" in text


def test_where_the_code_changed_the_paired_difference_is_shown(theirs: Path) -> None:
    by = [0.11, 0.12, 0.13]
    shifted(theirs, "balancer=random", "wait_s_mean", by)
    shifted(theirs, "balancer=power_of_d", "wait_s_mean", [-0.2, 0.3, 0.05])
    recoded(theirs, code="0123456789abcdef")
    text, same = against(OURS, theirs)
    assert not same
    assert "NOT REPRODUCED" not in text
    assert " -> 0123456789abcdef" in text
    half = float(stats.t.isf(0.025, 2)) * 0.01 / np.sqrt(3)
    p = min(1.0, 2.0 * float(stats.ttest_1samp(by, 0.0).pvalue))
    (told,) = (line for line in text.splitlines() if line.startswith("balancer=random  wait_s_mean"))
    assert f"+0.12, {0.12 - half:+.4g} to {0.12 + half:+.4g} paired, Holm p {p:.3g})" in told
    (other,) = (line for line in text.splitlines() if line.startswith("balancer=power_of_d  wait_s_mean"))
    assert other.endswith("not separable)")


def test_what_else_changed_is_named(theirs: Path) -> None:
    path = theirs / "manifest.json"
    tree = json.loads(path.read_text(encoding="utf-8"))
    tree["points"][0]["seed"] = 2
    path.write_text(json.dumps(tree), encoding="utf-8")
    recoded(theirs, numpy="9.9")
    text, same = against(OURS, theirs)
    assert same
    assert "seed changed at 1 of 2 points" in text
    assert " -> 9.9" in text


@pytest.mark.parametrize(("slower", "differ"), [(1.0, 1), (0.0, 0)])
def test_speed_is_told_by_ranks(theirs: Path, slower: float, differ: int) -> None:
    times = [1.0, 1.1, 1.2, 1.3, 1.4]
    ours = Path(shutil.copytree(OURS, theirs.parent / "ours"))
    later = [taken + slower for taken in times]
    for folder, taken in ((ours, times), (theirs, later)):
        tree = {"balancer=random": taken, "balancer=power_of_d": times}
        (folder / "timings.json").write_text(json.dumps(tree), encoding="utf-8")
    text, _ = against(ours, theirs)
    assert f"speed: {differ} of 2 points differ" in text
    told = "balancer=random  took 1.2 s -> 2.2 s a replication (1.83 times, rank test, Holm p 0.0159)"
    assert (told in text) is bool(differ), "p = 2 * 2 / C(10, 5)"


def test_broken_files_are_told(theirs: Path) -> None:
    (theirs / "timings.json").write_text("[1", encoding="utf-8")
    with pytest.raises(InputError, match="no JSON that can be read"):
        against(OURS, theirs)
    (theirs / "timings.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match="a JSON object was expected"):
        against(OURS, theirs)
    (theirs / "timings.json").unlink()
    (theirs / "replications.csv").write_text("point,metric,r0\na\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2: a point, a metric"):
        against(OURS, theirs)
