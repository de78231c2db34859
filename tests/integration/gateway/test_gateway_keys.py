"""API keys: what is kept, who gets in, in which time, and the ring on disk."""

from __future__ import annotations

import os
import stat
import statistics
import time
from pathlib import Path

import pytest

from sim.errors import ConfigError, InputError
from sim.experiments.main import main
from sim.integration.gateway.key_files import REFRESH_S, open_ring
from sim.integration.gateway.keys import KEY_TEXT, KEYS_MAX, KeyRecord, KeyRing
from tests.integration.gateway.rig import Entropy

PEPPER = b"p" * 32


def ring() -> KeyRing:
    return KeyRing(PEPPER, Entropy())


def test_a_key_holds_256_bits_and_is_not_kept() -> None:
    keys = ring()
    key = keys.issue("a", ("read",), 0.0)
    assert KEY_TEXT(key) is not None
    record = keys.find("a")
    assert len(record.digest) == 32
    assert key.split("_", 2)[2] not in str(keys.records())
    assert keys.issue("b", ("read",), 0.0) != key
    assert KeyRing(b"q" * 32, Entropy(), (record,)).verify(key, 0.0) is None  # without the pepper the record is nothing


def test_expiry_and_revocation_are_exact() -> None:
    keys = ring()
    key = keys.issue("a", ("operate",), 0.0, 100.0)
    assert [keys.verify(key, at) is not None for at in (0.0, 99.9, 100.0)] == [True, True, False]
    other = keys.issue("b", ("admin",), 0.0)
    keys.revoke("b", 5.0)
    assert keys.verify(other, 5.0) is None
    assert keys.revoke("b", 9.0).revoked_at == 5.0


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "key"),
    [("", ("read",), None, "name"), ("a b", ("read",), None, "name"), ("x" * 65, ("read",), None, "name"),
     ("taken", ("read",), None, "name"), ("n", ("root",), None, "scope"), ("n", (), None, "scope"),
     ("n", ("read",), 1.0, "expires_at")],
)  # fmt: skip
def test_what_is_refused(name: str, scopes: tuple[str, ...], expires_at: float | None, key: str) -> None:
    keys = ring()
    keys.issue("taken", ("read",), 1.0)
    with pytest.raises(ConfigError) as refused:
        keys.issue(name, scopes, 1.0, expires_at)
    assert refused.value.key == key


def test_there_is_an_end_to_keys() -> None:
    records = tuple(KeyRecord(f"{n:08x}", f"k{n}", b"", ("read",), 0.0, None, 0.0) for n in range(KEYS_MAX - 1))
    keys = KeyRing(PEPPER, Entropy(), records)
    keys.issue("last", ("read",), 0.0)
    with pytest.raises(ConfigError, match="at most"):
        keys.issue("more", ("read",), 0.0)


@pytest.mark.soak  # it reads the machine's clock, which no test of the suite may
def test_a_wrong_key_takes_as_long_wherever_it_is_wrong() -> None:
    """Medians over many turns: first sign, last sign, unknown prefix; within a fifth of each other."""
    keys = ring()
    key = keys.issue("a", ("read",), 0.0)
    head, secret = key[:12], key[12:]
    wrong = {
        "first": head + ("A" if secret[0] != "A" else "B") + secret[1:],
        "last": head + secret[:-1] + ("A" if secret[-1] != "A" else "B"),
        "prefix": "vs_ffffffff_" + secret,
    }
    spent: dict[str, list[float]] = {name: [] for name in wrong}
    for _ in range(60):
        for name, text in wrong.items():
            begun = time.perf_counter()
            for _ in range(50):
                keys.verify(text, 0.0)
            spent[name].append(time.perf_counter() - begun)
    medians = [statistics.median(times) for times in spent.values()]
    assert max(medians) < 1.2 * min(medians)


def test_the_ring_on_disk_is_its_owners_and_the_same_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    key = open_ring(folder, Entropy()).issue("a", ("admin",), 0.0)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert key.split("_", 2)[2].encode() not in b"".join(path.read_bytes() for path in folder.iterdir())
    found = open_ring(folder, Entropy(1)).verify(key, 1.0)
    assert found is not None
    assert found.scopes == ("admin",)


def test_a_key_revoked_by_another_process_is_refused_within_a_second(tmp_path: Path) -> None:
    serving, other = open_ring(tmp_path, Entropy()), open_ring(tmp_path, Entropy(1))
    key = serving.issue("a", ("read",), 0.0)
    assert serving.verify(key, 10.0) is not None
    other.revoke("a", 10.0)
    assert serving.verify(key, 10.0 + REFRESH_S) is None
    newer = other.issue("b", ("read",), 11.0)
    assert serving.verify(newer, 20.0) is not None
    serving.issue("c", ("read",), 20.0)
    assert sorted(record.name for record in other.records()) == ["a", "b"]
    other.revoke("b", 21.0)  # reads what the other wrote before it writes
    assert [record.name for record in open_ring(tmp_path, Entropy(2)).records()] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["keys.json", "pepper"])
def test_files_that_others_may_read_are_refused(tmp_path: Path, name: str) -> None:
    open_ring(tmp_path, Entropy()).issue("a", ("read",), 0.0)
    (tmp_path / name).chmod(0o640)
    with pytest.raises(InputError, match="mode 640"):
        open_ring(tmp_path, Entropy())


@pytest.mark.parametrize("text", ["", "[", "7", '[{"key_id": 1}]', '[{"key_id":"a","digest":"zz"}]'])
def test_damaged_records_are_refused(tmp_path: Path, text: str) -> None:
    open_ring(tmp_path, Entropy()).issue("a", ("read",), 0.0)
    (tmp_path / "keys.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no key records"):
        open_ring(tmp_path, Entropy())


def test_the_verb_shows_a_secret_once_alone_on_the_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = f"paths.state={tmp_path / 'state'}"

    def said(*words: str) -> list[str]:
        assert main(["keys", *words, state]) == 0
        return capsys.readouterr().out.splitlines()

    key = said("create", "ops", "--scope", "operate")[-1]
    assert KEY_TEXT(key) is not None
    token = said("token", "ops")[-1]
    assert token.count(".") == 2
    assert said("create", "short", "--days", "1")[0].startswith("short: scope read, until ")
    listed = "\n".join(said("list"))
    assert "ops" in listed
    assert key not in listed
    assert said("revoke", "ops")[-1].endswith("revoked")
    found = open_ring(tmp_path / "state" / "keys", os.urandom)
    assert found.verify(key, time.time()) is None


@pytest.mark.parametrize(
    ("words", "named"),
    [(["create"], "command"), (["create", "a", "--scope", "root"], "scope"), (["revoke", "nobody"], "key"),
     (["token", "nobody"], "key"), (["burn", "a"], "command"), (["list", "a"], "command"),
     (["create", "a", "--days", "-1"], "--days"), (["revoke", "a", "--scope", "read"], "flag"), ([], "words")],
)  # fmt: skip
def test_the_verb_names_what_is_wrong(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", *words, f"paths.state={tmp_path}"]) == 2
    assert f"victor-sim: {named}=" in capsys.readouterr().err
