"""Colors, line styles and markers: one look a strategy over all plots, told apart without color vision.

Hues: Okabe and Ito (2008), "Color universal design", its yellow darkened for white paper, extended by wine, indigo and
gray of Tol (2021) and never used alone: every look has a marker and a line style of its own. A look stands for a
strategy's name; names that the table does not hold get the free looks in the order of their first appearance.

Each color has a twin for dark pages. Figures are drawn in the light one; the page swaps them by CSS variables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

INK = "#1f2328"  # text and axes
MUTED = "#5c6670"  # secondary text
RULE = "#d5dae0"  # grid
PAPER = "#fefefe"  # background of the drawing
ALARM = "#b3261e"  # service level objective, unstable points

DARK = {
    INK: ("--ink", "#e6e9ee"),
    MUTED: ("--muted", "#a2acb8"),
    RULE: ("--rule", "#39414b"),
    PAPER: ("--card", "#181c22"),
    ALARM: ("--alarm", "#ff8a80"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How one strategy is drawn; `dash` and `marker` are matplotlib's words."""

    variable: str  # CSS variable
    color: str  # on light paper
    dark: str  # on dark paper
    dash: str | tuple[int, tuple[float, ...]]
    marker: str


_DASHED = (0, (5.0, 1.8))
_DOTTED = (0, (1.2, 1.4))
_MIXED = (0, (6.0, 1.6, 1.2, 1.6))

LOOKS = (
    Look("--look-blue", "#0072b2", "#4ea5e0", "solid", "o"),
    Look("--look-vermilion", "#d55e00", "#ff8a3c", "solid", "s"),
    Look("--look-green", "#009e73", "#2cc79a", "solid", "D"),
    Look("--look-purple", "#bd5f95", "#e294c1", _DASHED, "^"),
    Look("--look-orange", "#c98500", "#f2b134", _DASHED, "v"),
    Look("--look-sky", "#3a9bd6", "#8accf5", _MIXED, "P"),
    Look("--look-slate", "#3d4650", "#c3cbd4", _DOTTED, "X"),
    Look("--look-wine", "#882255", "#d0668f", _MIXED, "<"),
    Look("--look-indigo", "#44349c", "#a597f5", _DOTTED, ">"),
    Look("--look-olive", "#82821e", "#cfcb52", _DASHED, "h"),
    Look("--look-gray", "#7f868e", "#9aa2ab", "solid", "d"),
    Look("--look-teal", "#2f8f8b", "#62cdc8", _DOTTED, "p"),
    Look("--look-brown", "#7a4b1f", "#c9976a", _MIXED, "*"),
)

FIXED = {
    "round_robin": 10,
    "weighted_round_robin": 4,
    "random": 6,
    "least_connections": 0,
    "weighted_least_connections": 5,
    "response_time": 3,
    "power_of_d": 1,
    "join_idle_queue": 2,
    "consistent_hash": 7,
    "prequal": 8,
}


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A look for every name, the same in every plot; past the last free look they repeat."""
    chosen: dict[str, Look] = {}
    ordered = list(dict.fromkeys(names))
    taken = {FIXED[name] for name in ordered if name in FIXED}
    free = [index for index in range(len(LOOKS)) if index not in taken] or list(range(len(LOOKS)))
    strangers = 0
    for name in ordered:
        if name in FIXED:
            chosen[name] = LOOKS[FIXED[name]]
        else:
            chosen[name] = LOOKS[free[strangers % len(free)]]
            strangers += 1
    return chosen


def variables(dark: bool) -> dict[str, str]:
    """CSS variables of the figures' colors, light or dark."""
    pairs = {variable: twin if dark else color for color, (variable, twin) in DARK.items()}
    pairs |= {look.variable: look.dark if dark else look.color for look in LOOKS}
    return pairs


def variable_of(color: str) -> str | None:
    """The CSS variable that stands for a drawn color, if it is one of ours."""
    lowered = color.lower()
    if lowered in DARK:
        return DARK[lowered][0]
    return next((look.variable for look in LOOKS if look.color == lowered), None)
