"""Brackets of YAML that are nested too deep are refused as soon as they are: nothing is drawn, no seed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from sim.bench.compose import load_saved
from sim.bench.shallow import DEPTH_MAX, read_yaml
from sim.errors import InputError


def test_as_deep_as_may_be_is_read_and_no_deeper() -> None:
    for opened, closed in (("[", "]"), ("{a: ", "}")):
        assert read_yaml(f"x: {opened * DEPTH_MAX}1{closed * DEPTH_MAX}\n").keys() == {"x"}
        with pytest.raises(yaml.YAMLError, match=f"more than {DEPTH_MAX} brackets are open"):
            read_yaml(f"x: {opened * (DEPTH_MAX + 1)}1{closed * (DEPTH_MAX + 1)}\n")
    assert read_yaml("[" + "[1], " * 1000 + "]\n") == [[1]] * 1000, "many beside each other are not deep"


@pytest.mark.parametrize("opened", ["[", "{", "[{"])
def test_a_saved_config_of_open_brackets_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: str
) -> None:
    seen: list[int] = []
    real = yaml.SafeLoader.fetch_flow_collection_start

    def counted(loader: yaml.SafeLoader, token: object) -> None:
        seen.append(loader.flow_level)
        real(loader, token)

    monkeypatch.setattr(yaml.SafeLoader, "fetch_flow_collection_start", counted)
    (tmp_path / "saved.yaml").write_text(opened * 20_000, encoding="utf-8")
    with pytest.raises(InputError, match="no YAML that can be read"):
        load_saved(tmp_path / "saved.yaml")
    assert seen == list(range(DEPTH_MAX))
