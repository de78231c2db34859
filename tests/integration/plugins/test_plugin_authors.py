"""What an author meets: a template that loads, and for each thing that is wrong where it is and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.compose import Composed, compose
from sim.bench.plugin_desk import check_lines
from sim.bench.plugin_loads import METHODS, write_plugins
from sim.bench.plugin_template import write_template
from tests.integration.plugins.rig import BRINGS, PROVIDES, Rig, write

SHARED: Composed = {}


def checked(folder: Path, *words: str) -> tuple[str, bool]:
    lines, sound = check_lines(compose(["arrivals.utilization_ratio=0.5", *words], composed=SHARED), folder)
    return "\n".join(lines), sound


def test_the_template_is_sound_and_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "custom.mine"
    text, sound = checked(folder)
    assert (sound, text) == (
        False,
        f"{folder}: no such folder; victor-sim plugins new {folder} makes one",
    )
    write_template(folder)
    text, sound = checked(folder)
    assert sound
    assert "custom 0.1.0, hooks before_route\n  loads in " in text


def test_a_wrong_key_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    folder = write(tmp_path, "custom.mine", manifest="sumary = 'x'\n[order.startup]\nprio = 1\n")
    text, sound = checked(folder)
    assert not sound
    assert "sumary: unknown (did you mean summary?); known are id, version" in text
    assert "order.startup.prio: unknown (did you mean priority?); known are before, after" in text


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os\nx = 1\ny = x / 0\n", "ZeroDivisionError: division by zero (code.py, line 3)"),
        ("from . import part\n", "KeyError: 'gone' (part.py, line 2)"),
        ("def x(:\n", "SyntaxError: invalid syntax (code.py, line 1)"),
        ("class Plugin:\n    def __init__(self, context):\n        self.a = context.nothing\n", "(code.py, line 3)"),
    ],
)
def test_an_error_in_the_code_is_told_with_its_line(tmp_path: Path, trusted: bool, code: str, told: str) -> None:
    folder = write(tmp_path, "custom.mine", code)
    (folder / "part.py").write_text("known = {}\nknown['gone']\n")
    text, sound = checked(folder, f"plugins.sandbox_plugins={not trusted}")
    assert (sound, told in text) == (False, True), text


def test_who_brings_objects_is_told_how_to_be_trusted(tmp_path: Path) -> None:
    folder = write(tmp_path, "custom.mine", BRINGS, PROVIDES)
    text, sound = checked(folder)
    pin = text[text.index("plugins.trusted=") :].partition("}")[0] + "}"
    assert not sound
    assert checked(folder, pin.replace("custom.mine: ", "custom.mine:"))[1], pin


def test_what_the_speeds_of_loading_are_measured_on_loads(tmp_path: Path) -> None:
    ids = write_plugins(tmp_path, 2)
    rig = Rig(tmp_path).up(*ids)
    assert rig.kinds().count("plugin.enabled") == 2
    assert sum(name.startswith("step_") for name in dir(rig.plugin(ids[0]))) == METHODS
