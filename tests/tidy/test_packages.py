"""What a wheel carries is what the folders hold: a new package cannot be forgotten in pyproject.toml."""

from __future__ import annotations

import tomllib

from tests.tidy.tracked import CODE_FOLDERS, REPOSITORY, python_files

SETUPTOOLS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def _package_of(folder: str, *parts: str) -> str:
    return ".".join(([] if folder == "sim" else ["sim"]) + [folder, *parts])


def test_every_package_is_listed() -> None:
    inits = [path.parent.parts for path in python_files(*CODE_FOLDERS) if path.name == "__init__.py"]
    assert sorted(SETUPTOOLS["packages"]) == sorted(_package_of(*parts) for parts in inits)


def test_every_module_lies_in_a_package() -> None:
    inits = {path.parent for path in python_files(*CODE_FOLDERS) if path.name == "__init__.py"}
    modules = [path for path in python_files("sim", "experiments") if path.parent not in inits]
    assert modules == []


def test_only_sim_reaches_the_users_environment() -> None:
    assert {name.split(".")[0] for name in SETUPTOOLS["packages"]} == {"sim"}
    assert SETUPTOOLS["package-dir"] == {_package_of(folder): folder for folder in CODE_FOLDERS}
