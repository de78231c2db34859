"""The node credential: made once, for its owner only, never quoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import ConfigError, InputError
from sim.live.entropy import system_entropy
from sim.live.link.credential import FILE, VARIABLE, credential, node_secret, parsed, read_secret, told


def test_it_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    secret = node_secret(tmp_path, system_entropy)
    assert len(secret) == 32
    assert node_secret(tmp_path, system_entropy) == secret == parsed(told(secret))
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        read_secret(tmp_path / FILE)


@pytest.mark.parametrize("text", ["", "vsn_", "vsn_!!", "vs_" + "A" * 43, told(b"x" * 31)])
def test_what_is_none_is_refused_without_being_quoted(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError) as caught:
        credential(None)
    assert text not in str(caught.value) or not text
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(InputError, match="no node credential"):
        credential(str(file))


def test_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = node_secret(tmp_path, system_entropy)
    monkeypatch.setenv(VARIABLE, told(secret))
    assert credential(None) == secret == credential(str(tmp_path / FILE))
    with pytest.raises(InputError, match="no such file"):
        credential(str(tmp_path / "none"))
