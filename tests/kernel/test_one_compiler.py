"""Who compiles, who waits and what is said of it; and inner functions, which get no machine code of their own."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest
from numba import njit, types

from sim.kernel import cache, inner, one_compiler
from sim.kernel.lower import lower
from sim.kernel.one_compiler import COMPILES, WAITS, NotMade, compiling, loading_only


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, of which nothing was said."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    one_compiler.say.cache_clear()
    return tmp_path / "made"


def test_it_is_said_once_and_not_again_when_it_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a_1", "b_2", "a_1"):
        with compiling(name):
            pass
    assert {path.name for path in folder.iterdir()} == {"a_1", "a_1.lock", "b_2", "b_2.lock"}
    assert capsys.readouterr().err == f"{COMPILES}\n"
    one_compiler.say.cache_clear()
    with compiling("b_2"):
        pass
    assert capsys.readouterr().err == ""


def test_who_only_loads_compiles_nothing_and_waits_for_nobody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotMade), loading_only(), compiling("a_1"):
        raise AssertionError("it went on")
    assert not folder.exists()
    with compiling("a_1"):
        pass
    one_compiler.say.cache_clear()
    capsys.readouterr()
    with loading_only(), compiling("a_1"):
        pass
    assert capsys.readouterr().err == ""


def test_what_fails_is_not_made(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), compiling("a_1"):
        raise ZeroDivisionError
    assert not (folder / "a_1").exists()


def test_the_second_waits_for_the_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    entered: list[bool] = []

    def second() -> None:
        with compiling("a_1"):
            entered.append((folder / "a_1").exists())

    with (folder / "a_1.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.05)
        assert entered == []
        (folder / "a_1").touch()
    waiting.join()
    assert entered == [True]
    assert capsys.readouterr().err == f"{WAITS}\n"


def third(number: float) -> float:
    return number / 3.0


def ninth(number: float) -> float:
    return third(third(number)) + 0.1


def test_inner_functions_have_no_machine_code_and_the_last_one_has_their_arithmetic() -> None:
    inside = lower(ninth)
    outside = njit(types.float64(types.float64))(lambda number: inside(number))
    values = [number / 7.0 for number in range(-50, 50)]
    assert [outside(value) for value in values] == [ninth(value) for value in values]
    (compiled,) = inside.overloads.values()
    assert compiled.library.name in inner._inner
    defined = [function.name for function in compiled.library.get_defined_functions()]
    assert defined
    assert not any(compiled.library._codegen._engine.is_symbol_defined(name) for name in defined)
