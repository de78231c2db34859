"""A case of `validate`: one small fleet under one load, and the values that are known of it.

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
    """One known value; `metric`: one of `replication_metrics`, or one that `validate` adds.

    `loss_ratio`; `slowdown_mean`: sojourn over work; `agents_up_mean`: agents that can serve, over time.
    """

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


def make_case(
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
    """A case of `nodes` x `agents` at utilization `rho`; `relaxation_s`: how slowly it forgets, that of M/M/c if 0."""
    fleet = (f"fleet.nodes={nodes}", f"fleet.agents_per_node={agents}", "fleet.capacity_agents=null")
    in_turn, split = "balancer=round_robin" in overrides and nodes > 1, "balancer=random" in overrides
    relaxation_s = relaxation_s or theory.mm1_relaxation(rho, agents)
    load = Load(rho * nodes * agents, 1.0, relaxation_s, poisson, in_turn, in_turn or split)
    balancer = () if any(o.startswith("balancer=") for o in overrides) else ("balancer=round_robin",)
    arrivals = () if any(o.startswith("arrivals=") for o in overrides) else ("arrivals=poisson",)
    rate = f"arrivals.utilization_ratio={rho}"
    cut_s = CUT_RELAXATIONS * max(relaxation_s, 1.0)
    return Case((*fleet, *balancer, *arrivals, rate, *overrides), load, rows, variance, replications, cut_s)


def mean_row(name: str, known: float, source: str, bound_ratio: float = MEAN_BOUND) -> tuple[Row, ...]:
    """The one row of a known mean sojourn."""
    return (Row(name, "sojourn_s_mean", known, source, bound_ratio=bound_ratio),)
