"""The cases of `validate`: a small fleet each, with the values that are known of it and their sources.

Mean service is 1 s, so that values are in mean service times. `variance` is the asymptotic relative variance a request
of the first row, after control variates (measured once; larger where another row of the case needs more): it plans the
run length, n = variance (t / half-width)^2, and decides nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.measure import theory
from sim.measure.controls import Load

MEAN_BOUND, TAIL_BOUND = 0.02, 0.05  # half-width over the known value
CUT_RELAXATIONS = 5.0  # e^-5 of the empty start is left, spread over the whole window
WINDOW_RELAXATIONS_MIN = 20.0


@dataclass(frozen=True, slots=True)
class Row:
    """One known value; `metric`: one of `replication_metrics`, `loss_ratio` or `slowdown_mean` (sojourn over work)."""

    name: str
    metric: str
    known: float
    source: str
    known_error: float = 0.0  # standard error of the known value
    bound_ratio: float = MEAN_BOUND


@dataclass(frozen=True, slots=True)
class Case:
    """One fleet under one load."""

    overrides: tuple[str, ...]
    load: Load
    rows: tuple[Row, ...]
    variance: float
    replications: int = 64
    cut_s: float = field(default=0.0)

    def window_s(self, t_quantile: float, widening: float, replications: int) -> float:
        """Window of one replication that is expected to give .85 of the bound of the first row."""
        half = 0.85 * widening * self.rows[0].bound_ratio
        requests = self.variance * (t_quantile / half) ** 2
        shortest = WINDOW_RELAXATIONS_MIN * self.load.relaxation_s
        return max(shortest, requests / replications / self.load.rate_per_s)


def _case(
    rows: tuple[Row, ...],
    variance: float,
    rho: float,
    *overrides: str,
    nodes: int = 1,
    agents: int = 1,
    relaxation_s: float = 0.0,
    poisson: bool = True,
    replications: int = 64,
) -> Case:
    fleet = (f"fleet.nodes={nodes}", f"fleet.agents_per_node={agents}", "fleet.capacity_agents=null")
    in_turn, split = "balancer=round_robin" in overrides and nodes > 1, "balancer=random" in overrides
    relaxation_s = relaxation_s or theory.mm1_relaxation(rho, agents)
    load = Load(rho * nodes * agents, 1.0, relaxation_s, poisson, in_turn, in_turn or split)
    balancer = () if any(o.startswith("balancer=") for o in overrides) else ("balancer=round_robin",)
    arrivals = () if any(o.startswith("arrivals=") for o in overrides) else ("arrivals=poisson",)
    rate = f"arrivals.utilization_ratio={rho}"
    cut_s = CUT_RELAXATIONS * max(relaxation_s, 1.0)
    return Case((*fleet, *balancer, *arrivals, rate, *overrides), load, rows, variance, replications, cut_s)


def _mean(name: str, known: float, source: str, bound_ratio: float = MEAN_BOUND) -> tuple[Row, ...]:
    return (Row(name, "sojourn_s_mean", known, source, bound_ratio=bound_ratio),)


def _queues() -> list[Case]:
    erlang = "Erlang 1917"
    cases = [
        _case(_mean(f"M/M/{c} at {rho:g}", theory.mmc_sojourn(c, rho), erlang), variance, rho, agents=c)
        for c, rho, variance in ((1, 0.5, 2.6), (1, 0.9, 100.0), (4, 0.8, 11.0), (4, 0.9, 52.0))
    ]
    p99 = Row("M/M/1 p99 at 0.8", "sojourn_s_p99", theory.mm1_quantile(0.8, 0.99), erlang, bound_ratio=TAIL_BOUND)
    cases.append(_case((*_mean("M/M/1 at 0.8", theory.mmc_sojourn(1, 0.8), erlang), p99), 50.0, 0.8))
    ten = [
        Row(f"M/M/10 p{100 * p:g} at 0.9", f"sojourn_s_p{100 * p:g}", theory.mmc_quantile(10, 0.9, p), erlang,
            bound_ratio=MEAN_BOUND if p < 0.9 else TAIL_BOUND)
        for p in (0.5, 0.95, 0.99)
    ]  # fmt: skip
    cases.append(_case((*_mean("M/M/10 at 0.9", theory.mmc_sojourn(10, 0.9), erlang), *ten), 34.0, 0.9, agents=10))
    hundred = _mean("M/M/100 at 0.95", theory.mmc_sojourn(100, 0.95), erlang)
    cases.append(_case(hundred, 12.0, 0.95, agents=100, replications=32))
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
        rows = _mean(f"M/G/1 scv {scv:g} at 0.8", theory.mg1_sojourn(0.8, scv), source, bound)
        relaxation_s = theory.mm1_relaxation(0.8) * (1.0 + scv) / 2.0
        cases.append(_case(rows, variance, 0.8, f"service={law}", f"service.scv={scv:g}", relaxation_s=relaxation_s))
    return cases


def _sharing() -> list[Case]:
    source = "Kleinrock 1967"
    cases = []
    for scv, law, variance in ((1.0, "exponential", 22.0), (4.0, "hyperexponential", 54.0)):
        known = theory.mg1_sharing_sojourn(0.8)
        rows = (
            *_mean(f"M/G/1-PS scv {scv:g} at 0.8", known, source),
            Row(f"M/G/1-PS scv {scv:g} sojourn over work at 0.8", "slowdown_mean", known, source),
        )
        relaxation_s = theory.mm1_relaxation(0.8) * (1.0 + scv) / 2.0
        overrides = ("service.discipline=ps", f"service={law}", f"service.scv={scv:g}")
        cases.append(_case(rows, variance, 0.8, *overrides, relaxation_s=relaxation_s))
    return cases


def _losses() -> list[Case]:
    return [
        _case(
            (Row(f"M/M/{c}/{c} loss at 0.9", "loss_ratio", theory.erlang_b(c, 0.9 * c), "Erlang 1917"),),
            variance, 0.9, "fleet.queue_max=0", agents=c, relaxation_s=2.0, replications=32,
        )
        for c, variance in ((10, 6.0), (50, 25.0))
    ]  # fmt: skip


def _splits() -> list[Case]:
    cases = []
    for nodes, rho, variance in ((2, 0.8, 17.0), (2, 0.9, 65.0), (10, 0.8, 12.0), (10, 0.9, 50.0)):
        known = theory.round_robin_sojourn(nodes, rho)
        rows = _mean(f"round robin over {nodes} at {rho:g}", known, "E_n/M/1, Kleinrock 1975, 6.4")
        relaxation_s = theory.mm1_relaxation(rho) * (1.0 + 1.0 / nodes) / 2.0
        cases.append(_case(rows, variance, rho, "balancer=round_robin", nodes=nodes, relaxation_s=relaxation_s))
    for rho, variance in ((0.8, 11.0), (0.9, 42.0)):
        rows = _mean(f"D/M/1 at {rho:g}", theory.dm1_sojourn(rho), "Kleinrock 1975, 6.4")
        relaxation_s = theory.mm1_relaxation(rho) / 2.0
        cases.append(_case(rows, variance, rho, "arrivals=deterministic", relaxation_s=relaxation_s, poisson=False))
    rows = _mean("random split over 10 at 0.8", theory.random_split_sojourn(0.8), "M/M/1 a node")
    cases.append(_case(rows, 23.0, 0.8, "balancer=random", nodes=10))
    return cases


def _choices() -> list[Case]:
    source = "a long independent simulation, draws without replacement; 2.6141 for infinitely many (Mitzenmacher 1996)"
    row = Row("power of 2 over 100 at 0.9", "sojourn_s_mean", 2.645, source, known_error=0.003)
    overrides = ("balancer=power_of_d", "balancer.d=2")
    return [_case((row,), 8.0, 0.9, *overrides, nodes=100, relaxation_s=20.0, replications=24)]


def cases() -> list[Case]:
    """Every case, in the order of the table."""
    return [*_queues(), *_general(), *_sharing(), *_losses(), *_splits(), *_choices()]
