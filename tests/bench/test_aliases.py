"""What a YAML tree amounts to when its aliases are written out."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sim.bench.aliases import VALUES_MAX, values_in
from sim.bench.compose import load_saved
from sim.errors import InputError

LAUGHS = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", 1.0),
        ("{}", 1.0),
        ("{a: 1, b: [2, 3]}", 5.0),
        ("{a: &x [1, 2], b: *x, c: [*x, *x]}", 14.0),  # 1 + 3 + 3 + 1 + 6
        ("&a [1, *a]", inf),
        ("{a: &a {b: {c: *a}}, d: 1}", inf),
        ("{a: &a [1], b: &b [*a, *a], c: [*b, *a, *b]}", 21.0),  # 1 + 2 + 5 + 1 + 5 + 2 + 5
        (LAUGHS, 1.0 + sum(sum(10.0**k for k in range(n + 2)) for n in range(10))),
    ],
)
def test_every_value_is_counted_as_often_as_it_stands_there(text: str, values: float) -> None:
    assert values_in(yaml.safe_load(text)) == values


def test_depth_is_no_matter() -> None:
    tree: list[Any] = []
    for _ in range(100_000):
        tree = [tree]
    assert values_in(tree) == 100_001.0


def test_a_config_that_stands_for_too_much_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "laughs.yaml"
    path.write_text(LAUGHS, encoding="utf-8")
    with pytest.raises(InputError, match=f"contains itself, or stands for over {VALUES_MAX:,} values"):
        load_saved(path)
