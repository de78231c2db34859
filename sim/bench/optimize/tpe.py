"""Optuna's TPE behind ask and tell: the baseline to hold against (Bergstra et al. 2011; Optuna, Akiba et al. 2019).

As its users run it: the incumbent enqueued first, every window one trial, guardrails as constraints, the best observed
trial at the end. `optuna` is an extra; without it a `ConfigError` says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from sim.bench.optimize.problem import Problem
from sim.bench.optimize.random_search import INCUMBENT_FIRST, Observed
from sim.errors import ConfigError
from sim.intelligence.protocol import Proposal, Recommendation, Window
from sim.runtime.draws import SEARCH

SEED_MAX = 2**31
BROKEN = "broken"  # key of a trial's constraint values


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        step = "pip install 'victor-sim[optuna]', or methods= without tpe"
        raise ConfigError("methods", "tpe", "tpe with the extra `optuna` installed", step) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _constraints(trial: Any) -> Sequence[float]:
    return list(trial.user_attrs.get(BROKEN, [0.0]))


class TreeParzen:
    """Implements `AskTell`."""

    def __init__(self, problem: Problem) -> None:
        optuna = _optuna()
        self.problem, self.observed = problem, Observed(problem)
        seed = int(problem.draws.uniform(SEARCH, 0) * SEED_MAX)
        constrained: dict[str, Any] = {"constraints_func": _constraints} if problem.guardrails else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is experimental in it
            sampler = optuna.samplers.TPESampler(seed=seed, **constrained)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        for _ in range(INCUMBENT_FIRST):
            self.study.enqueue_trial(dict(problem.incumbent), skip_if_exists=False)
        self.running: Any = None

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """The sampler's next; a trial whose window was lost is given up."""
        optuna = _optuna()
        if self.running is not None:
            self.study.tell(self.running, state=optuna.trial.TrialState.FAIL)
        self.running = self.study.ask()
        params = {}
        for parameter in self.problem.parameters:
            bounds = (parameter.name, parameter.low, parameter.high)
            if parameter.is_whole:
                bounds = (parameter.name, int(parameter.low), int(parameter.high))
                params[parameter.name] = float(self.running.suggest_int(*bounds, log=parameter.is_log))
            else:
                params[parameter.name] = float(self.running.suggest_float(*bounds, log=parameter.is_log))
        return Proposal(params, 1.0, "tree-structured Parzen estimator")

    def tell(self, window: Window) -> None:
        """The trial's value; windows of a log are only remembered."""
        self.observed.tell(window)
        if self.running is None:
            return
        rails = self.problem.guardrails
        means = window.means
        broken = [max(rail.minimum - means[rail.target], means[rail.target] - rail.maximum) for rail in rails]
        self.running.set_user_attr(BROKEN, broken or [0.0])
        self.study.tell(self.running, means[self.problem.objective])
        self.running = None

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """The best trial that keeps the guardrails."""
        return self.observed.recommend()
