"""Ask and tell: the one face of every method that looks for better parameters, ours and the baselines.

`ask(context)` gives the parameters of the next window, `tell(window)` what was seen under them, `recommend()` what
should stand. Every window names its arm and the density with which its parameters were chosen, so that a log can be
re-weighted. Instants are seconds, improvements ratios of the incumbent's value, positive when better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

CI_RATIO = 0.90  # what the stated intervals should cover


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that may be set: bounds, scale, and whether it is a whole number."""

    name: str
    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A target's mean must stay within `minimum`..`maximum`."""

    target: str
    minimum: float = float("-inf")
    maximum: float = float("inf")


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen in one window: per-task means and variances by target, over `n` tasks."""

    params: Mapping[str, float]
    context: Mapping[str, float]
    n: int
    means: Mapping[str, float]
    variances: Mapping[str, float]  # between tasks; a missing one is taken from the rest
    propensity: float = 1.0
    at: float = 0.0
    arm: str = "incumbent"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Parameters for the next window; `propensity` is their density in the unit cube (1.0 when fixed)."""

    params: dict[str, float]
    propensity: float
    reason: str
    arm: str = "explore"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What should stand. Abstaining: the incumbent, `improvement_ratio` 0.0 and a `reason`; else `reason` is empty.

    `by_context` gives parameters of their own for contexts that were seen, when those differ.
    """

    params: dict[str, float]
    improvement_ratio: float
    ci_low: float
    ci_high: float
    confidence: float
    reason: str = ""
    by_context: tuple[tuple[dict[str, float], dict[str, float]], ...] = ()
    importance: dict[str, float] = field(default_factory=dict)
    trust_region: dict[str, tuple[float, float]] = field(default_factory=dict)


class AskTell(Protocol):
    """A method under one objective."""

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """Parameters for the next window, which meets `context`."""

    def tell(self, window: Window) -> None:
        """What a window showed; an arm that was never asked for (a log) is welcome."""

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """What should stand, over the contexts seen, or in one of them."""
