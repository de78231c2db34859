"""The record that names a figure.

A figure is a module of `sim.report.figures` with a `FIGURE`: `analyze` reduces the study to a frozen result (or None
where the study does not hold what it shows), `draw` puts the result on paper, `describe` says it in words for readers
who do not see it. The module's name is the name that an experiment lists. It stands apart from what draws, so that a
report without figures does not wait for matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from sim.measure.summary import StudySummary
from sim.report.groups import Group

if TYPE_CHECKING:
    import matplotlib.figure

R = TypeVar("R")


def _no_note(_: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Figure(Generic[R]):
    """A kind of figure; drawn once a group, or for groups joined over load (`panel`) or over what costs (`cost`)."""

    title: str
    caption: str
    scope: Literal["group", "panel", "cost"]
    analyze: Callable[[StudySummary, Group], R | None]
    draw: Callable[[matplotlib.figure.Figure, R], None]
    describe: Callable[[R], str]
    size_in: Callable[[R], tuple[float, float]]  # width and height, inches
    note: Callable[[R], str] = _no_note  # what this drawing leaves out, said after the caption
    wide: bool = False  # takes a whole row of the page
