"""`victor-sim plugins`: what it prints, what it writes, its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.experiments.main import main
from sim.integration.plugins import shipped


def test_a_new_plugin_is_sound_as_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "custom.mine"
    assert main(["plugins", "new", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "manifest.toml", "plugin.py"]
    assert main(["plugins", "check", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "custom 0.1.0, hooks before_route" in told
    assert told.endswith(": sound\n")
    assert main(["plugins", "new", str(folder)]) == 2


def test_every_fault_is_a_line_and_the_exit_code_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "custom.bad"
    folder.mkdir()
    (folder / "manifest.toml").write_text('id = "custom.bad"\nversion = "x"\nmodule = "none"\nhooks = ["nope"]\n')
    assert main(["plugins", "check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["version", "hooks", "module"]


def test_code_that_does_not_load_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "custom.bad"
    folder.mkdir()
    (folder / "manifest.toml").write_text('id = "custom.bad"\nversion = "1"\nmodule = "code"\nhooks = ["startup"]\n')
    (folder / "code.py").write_text("1 / 0\n")
    assert main(["plugins", "check", str(folder)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_the_list_names_the_shipped_plugins_and_the_isolation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in shipped.pins())
    assert "isolation of workers here: " in told


@pytest.mark.parametrize("words", [[], ["lst"], ["check"], ["list", "x"], ["new", "bad"], ["new", "Bad.Name"]])
def test_wrong_words_are_refused(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", *words]) == 2
