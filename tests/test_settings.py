"""What the four public objects share when they take their settings."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sim import APIGateway, DistributedManager, MLOptimizer, PluginManager
from sim.errors import ConfigError
from sim.settings import settings_of


@dataclass(frozen=True, slots=True)
class Tank:
    """Two settings."""

    volume_l: float = 3.0
    is_open: bool = False


def test_nothing_is_all_defaults_and_an_instance_is_itself() -> None:
    given = Tank(volume_l=5.0)
    assert settings_of(Tank, None) == Tank()
    assert settings_of(Tank, given) is given
    assert settings_of(Tank, {"is_open": True}) == Tank(is_open=True)


def test_an_unknown_key_is_refused_with_the_closest() -> None:
    with pytest.raises(
        ConfigError, match=r"volume=2: accepted is one of volume_l, is_open \(did you mean volume_l\?\)"
    ):
        settings_of(Tank, {"volume": 2})


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"config=7: accepted is a mapping of settings, a Tank or None"):
        settings_of(Tank, 7)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize("kind", [DistributedManager, MLOptimizer, PluginManager, APIGateway])
def test_the_four_objects_refuse_an_unknown_key_alike(kind: type) -> None:
    with pytest.raises(ConfigError, match=r"^nonsense=1: accepted is one of "):
        kind(config={"nonsense": 1})
