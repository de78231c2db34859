"""The cases of `validate`: a small fleet each, with the values that are known of it and their sources.

Queues, sharing, losses and balancing here; fleets that fail, retry and set up in `validate_fire_cases`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.bench.validate_case import MEAN_BOUND, TAIL_BOUND, Case, Row, make_case, mean_row
from sim.bench.validate_fire_cases import fire_cases
from sim.errors import ConfigError
from sim.measure import theory


def _queues() -> list[Case]:
    erlang = "Erlang 1917"
    cases = [
        make_case(mean_row(f"M/M/{c} at {rho:g}", theory.mmc_sojourn(c, rho), erlang), variance, rho, agents=c)
        for c, rho, variance in ((1, 0.5, 2.6), (1, 0.9, 100.0), (4, 0.8, 11.0), (4, 0.9, 52.0))
    ]
    p99 = Row("M/M/1 p99 at 0.8", "sojourn_s_p99", theory.mm1_quantile(0.8, 0.99), erlang, bound_ratio=TAIL_BOUND)
    cases.append(make_case((*mean_row("M/M/1 at 0.8", theory.mmc_sojourn(1, 0.8), erlang), p99), 50.0, 0.8))
    ten = [
        Row(f"M/M/10 p{100 * p:g} at 0.9", f"sojourn_s_p{100 * p:g}", theory.mmc_quantile(10, 0.9, p), erlang,
            bound_ratio=MEAN_BOUND if p < 0.9 else TAIL_BOUND)
        for p in (0.5, 0.95, 0.99)
    ]  # fmt: skip
    cases.append(
        make_case((*mean_row("M/M/10 at 0.9", theory.mmc_sojourn(10, 0.9), erlang), *ten), 34.0, 0.9, agents=10)
    )
    hundred = mean_row("M/M/100 at 0.95", theory.mmc_sojourn(100, 0.95), erlang)
    cases.append(make_case(hundred, 12.0, 0.95, agents=100, replications=32))
    return cases


def _general() -> list[Case]:
    source = "Pollaczek 1930, Khinchine 1932"
    cases = []
    for scv, law, variance in (
        (0.0, "deterministic", 6.5),
        (4.0, "hyperexponential", 95.0),
        (20.0, "hyperexponential", 900.0),
    ):
        bound = TAIL_BOUND if scv > 10.0 else MEAN_BOUND
        rows = mean_row(f"M/G/1 scv {scv:g} at 0.8", theory.mg1_sojourn(0.8, scv), source, bound)
        relaxation_s = theory.mm1_relaxation(0.8) * (1.0 + scv) / 2.0
        cases.append(
            make_case(rows, variance, 0.8, f"service={law}", f"service.scv={scv:g}", relaxation_s=relaxation_s)
        )
    return cases


def _sharing() -> list[Case]:
    source = "Kleinrock 1967"
    cases = []
    for scv, law, variance in ((1.0, "exponential", 22.0), (4.0, "hyperexponential", 54.0)):
        known = theory.mg1_sharing_sojourn(0.8)
        rows = (
            *mean_row(f"M/G/1-PS scv {scv:g} at 0.8", known, source),
            Row(f"M/G/1-PS scv {scv:g} sojourn over work at 0.8", "slowdown_mean", known, source),
        )
        relaxation_s = theory.mm1_relaxation(0.8) * (1.0 + scv) / 2.0
        overrides = ("service.discipline=ps", f"service={law}", f"service.scv={scv:g}")
        cases.append(make_case(rows, variance, 0.8, *overrides, relaxation_s=relaxation_s))
    return cases


def _losses() -> list[Case]:
    return [
        make_case(
            (Row(f"M/M/{c}/{c} loss at 0.9", "loss_ratio", theory.erlang_b(c, 0.9 * c), "Erlang 1917"),),
            variance, 0.9, "fleet.queue_max=0", agents=c, relaxation_s=2.0, replications=32,
        )
        for c, variance in ((10, 6.0), (50, 25.0))
    ]  # fmt: skip


def _splits() -> list[Case]:
    cases = []
    for nodes, rho, variance in ((2, 0.8, 17.0), (2, 0.9, 65.0), (10, 0.8, 12.0), (10, 0.9, 50.0)):
        known = theory.round_robin_sojourn(nodes, rho)
        rows = mean_row(f"round robin over {nodes} at {rho:g}", known, "E_n/M/1, Kleinrock 1975, 6.4")
        relaxation_s = theory.mm1_relaxation(rho) * (1.0 + 1.0 / nodes) / 2.0
        cases.append(make_case(rows, variance, rho, "balancer=round_robin", nodes=nodes, relaxation_s=relaxation_s))
    for rho, variance in ((0.8, 11.0), (0.9, 42.0)):
        rows = mean_row(f"D/M/1 at {rho:g}", theory.dm1_sojourn(rho), "Kleinrock 1975, 6.4")
        relaxation_s = theory.mm1_relaxation(rho) / 2.0
        cases.append(make_case(rows, variance, rho, "arrivals=deterministic", relaxation_s=relaxation_s, poisson=False))
    rows = mean_row("random split over 10 at 0.8", theory.random_split_sojourn(0.8), "M/M/1 a node")
    cases.append(make_case(rows, 23.0, 0.8, "balancer=random", nodes=10))
    return cases


def _choices() -> list[Case]:
    source = "a long independent simulation, draws without replacement; 2.6141 for infinitely many (Mitzenmacher 1996)"
    row = Row("power of 2 over 100 at 0.9", "sojourn_s_mean", 2.645, source, known_error=0.003)
    overrides = ("balancer=power_of_d", "balancer.d=2")
    return [make_case((row,), 8.0, 0.9, *overrides, nodes=100, relaxation_s=20.0, replications=24)]


def plain_cases() -> list[Case]:
    """Queues and choices where nothing fails."""
    return [*_queues(), *_general(), *_sharing(), *_losses(), *_splits(), *_choices()]


FAMILIES: dict[str, Callable[[], list[Case]]] = {"all": lambda: [*plain_cases(), *fire_cases()], "plain": plain_cases}


def cases(family: str = "all") -> list[Case]:
    """Every case of a family, in the order of the table; raises `ConfigError` for a name that is none of `FAMILIES`."""
    if family not in FAMILIES:
        raise ConfigError("family", family, " / ".join(FAMILIES))
    return FAMILIES[family]()
