"""The world's settings are the config's, field by field and with the same defaults."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sim.bench.schema import ArrivalsConfig, ColumnsConfig, ServiceConfig
from sim.world.params import ArrivalParams, ColumnParams, ServiceParams


@pytest.mark.parametrize(
    ("params", "config", "own"),
    [
        (ColumnParams, ColumnsConfig, set()),
        (ArrivalParams, ArrivalsConfig, {"types"}),
        (ServiceParams, ServiceConfig, set()),
    ],
)
def test_fields_and_defaults_agree(params: Any, config: Any, own: set[str]) -> None:
    ours, theirs = dataclasses.asdict(params()), dataclasses.asdict(config())
    assert {name: value for name, value in ours.items() if name not in own} == theirs
    assert own <= ours.keys()
