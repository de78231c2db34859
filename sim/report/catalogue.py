"""The figures there are: every module of `sim.report.figures`, by its name.

To add one, write a module with a `FIGURE` there and name it in an experiment's `study.figures`; nothing else changes.
A plugin that brings one registers it as `figure` NAME for as long as it is loaded.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Any

import sim.report.figures
from sim.errors import ConfigError
from sim.registry import lookup, names
from sim.report.figure import Figure


def figure_names() -> list[str]:
    """Names that `study.figures` accepts, sorted."""
    return sorted({*_modules(), *names("figure")})


def _modules() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(sim.report.figures.__path__)]


def figure_named(name: str) -> Figure[Any]:
    """The figure of this name; raises `ConfigError` that lists what there is."""
    check_figures([name])
    if name not in _modules():
        figure = lookup("figure", name)
        if not isinstance(figure, Figure):
            raise ConfigError("study.figures", name, f"a sim.report.figure.Figure, not a {type(figure).__name__}")
        return figure
    figure = importlib.import_module(f"sim.report.figures.{name}").FIGURE
    assert isinstance(figure, Figure), name
    return figure


def check_figures(wanted: Sequence[str]) -> None:
    """Raise `ConfigError` for the first name that no figure has."""
    for name in wanted:
        if name not in figure_names():
            raise ConfigError("study.figures", name, "one of " + ", ".join(figure_names()))
