"""Only what was signed, of the same samples, and not older than what was seen is ever loaded; nothing is unpickled."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sim import MLOptimizer
from sim.intelligence.calibration import Calibration
from sim.intelligence.snapshot import SnapshotError, load, save
from sim.runtime.virtual import VirtualRuntime

KEY = b"a key of tests, 24 bytes"
BODY: dict[str, Any] = {"agents": {"a": 1}}


def test_it_comes_back(tmp_path: Path) -> None:
    save(tmp_path / "s.json", BODY, 3, "digest", KEY)
    assert load(tmp_path / "s.json", KEY, 3, "digest") == (3, BODY)


def test_every_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    save(path, BODY, 3, "digest", KEY)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(SnapshotError):
            load(path, KEY, 1, "digest")


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"manifest": 1, "signature": "x"}', b"[" * 100_000, b"\x80\x04N."]
)
def test_what_is_no_snapshot_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s.json").write_bytes(data)
    with pytest.raises(SnapshotError):
        load(tmp_path / "s.json", KEY, 0)


def test_another_key_an_older_version_or_other_samples_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    save(path, BODY, 3, "digest", KEY)
    for key, version_min, digest, word in (
        (b"another key of 16 b.", 1, "digest", "signature"),
        (KEY, 4, "digest", "older"),
        (KEY, 1, "other", "other samples"),
    ):
        with pytest.raises(SnapshotError, match=word):
            load(path, key, version_min, digest)


def test_another_schema_is_refused_although_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.intelligence.snapshot.SCHEMA", 2)
    save(tmp_path / "s.json", BODY, 3, "digest", KEY)
    monkeypatch.setattr("sim.intelligence.snapshot.SCHEMA", 1)
    with pytest.raises(SnapshotError, match="schema"):
        load(tmp_path / "s.json", KEY, 1)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        save(tmp_path / "s.json", BODY, 1, "digest", b"short")


def test_an_optimizer_goes_on_and_never_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pickle", "joblib", "cloudpickle"):
        module = sys.modules.get(name)
        for entry in ("load", "loads"):
            if module is not None and hasattr(module, entry):
                monkeypatch.setattr(module, entry, lambda *_: pytest.fail("something was unpickled"))
    first = MLOptimizer(runtime=VirtualRuntime())
    first.mind("agent-1").apply({"temperature": 0.4})
    first.mind("agent-1").calibrations["response_time"] = made = Calibration()
    made.add(0.1, 0.05, 0.3, 0.0)
    path = tmp_path / "s.json"
    assert (first.save(path, KEY), first.save(path, KEY)) == (1, 2)
    second = MLOptimizer(runtime=VirtualRuntime())
    assert second.load(path, KEY) == 2
    assert second.minds["agent-1"].standing == {"temperature": 0.4}
    assert second.minds["agent-1"].calibrations["response_time"].errors() == made.errors()
    old = json.loads(path.read_text())
    first.save(path, KEY)
    second.load(path, KEY)
    path.write_text(json.dumps(old))
    with pytest.raises(SnapshotError, match="older"):
        second.load(path, KEY)
    assert second.version == 3
