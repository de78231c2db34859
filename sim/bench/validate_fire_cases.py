"""Cases of `validate` under fire: the control plane and the world's faults against what is known of them.

Variances are those of the chains (deviation matrix of the Markov chain, times the rate of requests), as `validate_case`
explains. Nodes have one agent. A crash sends its attempts on (`requeue`), so that none waits for a dead node.
"""

from __future__ import annotations

from sim.bench.validate_case import TAIL_BOUND, Case, Row, make_case, mean_row
from sim.measure import theory_failures, theory_setup

ALWAYS = ("at_s=[0.0]", "for_s=1e12", "mttf_s=null")


def _fault(kind: str, *settings: str) -> tuple[str, ...]:
    return (f"faults={kind}", *(f"faults.{kind}.{setting}" for setting in settings))


def _breakdowns() -> list[Case]:
    cases = []
    for rho, f, r, variance, relaxation_s in ((0.5, 0.01, 0.1, 122.0, 40.0), (0.7, 0.1, 1.0, 74.0, 40.0)):
        known = theory_failures.breakdown_sojourn(rho, f, r)
        rows = mean_row(f"M/M/1 with breakdowns {f:g}, {r:g} at {rho:g}", known, "White and Christie 1958")
        pause = _fault("pause", f"mttf_s={1.0 / f!r}", f"mttr_s={1.0 / r!r}")
        cases.append(make_case(rows, variance, rho, *pause, relaxation_s=relaxation_s))
    return cases


def _repair() -> list[Case]:
    cases = []
    for repairers, variance in ((1, 2.5), (2, 0.25)):
        known = theory_failures.machine_repair(10, 100.0, 10.0, repairers).up_mean
        row = Row(f"nodes up of 10 with {repairers} repairer(s)", "agents_up_mean", known, "Palm 1947")
        crash = _fault("crash", "mttf_s=100.0", "mttr_s=10.0", f"repairers_max={repairers}", "in_flight=requeue")
        cases.append(make_case((row,), variance, 0.05, *crash, nodes=10, relaxation_s=50.0))
    return cases


def _setups() -> list[Case]:
    source = "Gandhi, Doroudi, Harchol-Balter and Scheller-Wolf 2013"
    cases = []
    for servers, setup_s, variance, relaxation_s in ((1, 5.0, 10.0, 12.0), (4, 1.0, 3.1, 2.0), (4, 10.0, 19.0, 9.0)):
        known = theory_setup.mmk_setup_sojourn(servers, 0.5, setup_s)
        rows = mean_row(f"M/M/{servers}/setup {setup_s:g} at 0.5", known, source)
        overrides = (
            "autoscaler=on_demand", "autoscaler.min_nodes=0", f"autoscaler.max_nodes={servers}",
            "autoscaler.provisioning=exponential", f"autoscaler.provisioning_s={setup_s!r}", "balancer.queue=central",
        )  # fmt: skip
        cases.append(make_case(rows, variance, 0.5, *overrides, nodes=servers, relaxation_s=relaxation_s))
    return cases


def _requests() -> list[Case]:
    """Retries of attempts that fail alone; a second attempt where the first is late."""
    attempts = theory_failures.retry_attempts(0.5, 3)
    errors = _fault("errors", "prob=0.5", *ALWAYS)
    retried = (
        Row("attempts, 3 at most, half fail", "attempts_per_request", attempts, "geometric sum"),
        Row("answered within 3 attempts, half fail", "success_ratio", 1.0 - 0.5**3, "geometric sum"),
    )
    after = theory_failures.hedged_quantile(0.95, 100.0)  # the p95 of one attempt
    source = "Dean and Barroso 2013"
    hedged = (
        Row("hedged p99.9", "sojourn_s_p999", theory_failures.hedged_quantile(0.999, after), source,
            bound_ratio=TAIL_BOUND),
        Row("hedged p99", "sojourn_s_p99", theory_failures.hedged_quantile(0.99, after), source,
            bound_ratio=TAIL_BOUND),
    )  # fmt: skip
    extra = Row(
        "attempts, hedged at p95", "attempts_per_request", 1.0 + theory_failures.hedge_extra_load(after), source
    )
    retry = ("retry.attempts_max=3", "retry.backoff_s=0.0")
    hedge = (f"hedge.after_s={after!r}", "service.per_attempt=redraw", "balancer=least_connections")
    return [
        make_case(retried, 0.25, 0.3, *errors, *retry, nodes=16, relaxation_s=2.0, replications=32),
        # many requests a replication, so that its own p99.9 is one of several beyond it
        make_case(hedged, 250.0, 0.02, *hedge, nodes=100, relaxation_s=2.0),
        make_case((extra,), 0.05, 0.02, *hedge, nodes=100, relaxation_s=2.0, replications=32),
    ]


def _detection() -> list[Case]:
    """10 nodes that die about every 1,100 s each, watched every 10 s."""
    known = theory_failures.detection(10.0, 3, 5.0).mean_s
    row = Row("detection, 3 misses of 10 s", "detection_s", known, "uniform phase of the checks")
    crash = _fault("crash", "mttf_s=1000.0", "mttr_s=100.0", "repair=deterministic", "in_flight=requeue")
    health = (
        "health.detector=consecutive_failures", "health.interval_s=10.0", "health.misses_max=3",
        "health.probe_timeout_s=5.0", "health.rises_min=1",
    )  # fmt: skip
    # a run of 2,000 s: deaths within its last 35 s, which only count if they are noticed early, are too few to matter
    return [make_case((row,), 0.55, 0.05, *crash, *health, nodes=10, relaxation_s=100.0, replications=32)]


def fire_cases() -> list[Case]:
    """Every case, in the order of the table."""
    return [*_breakdowns(), *_repair(), *_setups(), *_requests(), *_detection()]
