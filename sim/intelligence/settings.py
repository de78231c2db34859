"""How the recommender searches and when it speaks; every number a default that a config may change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Probabilities and ratios in 0..1, lengths in the unit cube of the parameters."""

    surrogate: str = "gp"  # gp | random_forest | gradient_boosting | linear_regression | auto
    is_contextual: bool = False  # a setting of its own for each context
    start_windows: int = 10  # spread around the incumbent before anything is believed
    start_half: float = 0.2  # of the box that they are spread over
    explore_prob: float = 0.1  # of a window whose parameters are uniform around the center of the box
    explore_half: float = 0.1
    incumbent_every: int = 7  # windows between two under the incumbent, to which all is compared
    refit_every: int = 3  # windows between two searches for the surrogate's scales
    half: float = 0.4  # of the trust region at first
    half_min: float = 0.1
    half_max: float = 0.5
    guard_prob: float = 0.95  # with which a recommended setting must keep every guardrail
    explore_guard_prob: float = 0.5  # and a tried one
    safe_loss_ratio: float = 0.1  # of the incumbent's value that a tried setting may lose
    safe_prob: float = 0.95  # with which it must not lose more
    pessimism: float = 0.4  # sd of a gain that are taken off when settings are ranked for a recommendation
    pessimism_changed: float = 1.5  # the same while windows from before a change are in memory
    change_cost_ratio: float = 0.0  # of the incumbent's value for a change over the whole box
    confidence_min: float = 0.7  # below it the recommender abstains
    windows_min: int = 10  # told before anything is recommended
    drift_slack: float = 0.5  # of the CUSUM, sd of a window
    drift_threshold: float = 6.5
    windows_max: int = 1_000  # remembered
