"""Methods by name: the optimizer and what it is compared with, all behind ask and tell."""

from __future__ import annotations

from collections.abc import Callable

from sim.bench.optimize.naive import NaiveRecipe
from sim.bench.optimize.problem import AskTell, Problem
from sim.bench.optimize.proved import Proved
from sim.bench.optimize.random_search import RandomSearch
from sim.bench.optimize.tpe import TreeParzen
from sim.errors import ConfigError

METHODS: dict[str, Callable[[Problem], AskTell]] = {
    "victor": Proved,
    "random": RandomSearch,
    "naive": NaiveRecipe,
    "tpe": TreeParzen,
}
OWN = ("victor",)  # the others' trials do not hang on the optimizer's code


def make_method(name: str, problem: Problem) -> AskTell:
    """A fresh method; raises `ConfigError` that lists what there is."""
    if name not in METHODS:
        raise ConfigError("methods", name, "of " + ", ".join(METHODS))
    return METHODS[name](problem)
