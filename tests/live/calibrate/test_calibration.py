"""What is fitted to a recorded run: constants that are known come out again, whatever rare stalls there were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.bench.compose import compose, to_yaml
from sim.errors import ConfigError, InputError
from sim.live.calibrate.fit import fit_world, world_keys, write_points
from sim.live.calibrate.live_run import Recorded
from sim.live.calibrate.plan import load_plan
from sim.live.calibrate.predict import METRICS, measured_metrics, predicted_metrics, verdict
from sim.live.calibrate.rows import Row, read_rows, write_rows

DELAY_S, JITTER_S = 0.004, 0.01
BASE = ["fleet.nodes=2", "fleet.agents_per_node=2", "service=lognormal", "service.mean_s=0.5", "service.scv=0.25",
        "horizon_s=200", "engine=simpy"]  # fmt: skip


def rows_of(count: int, stalls: int = 0) -> list[Row]:
    rng = np.random.default_rng(1)
    ran = rng.exponential(0.5, count)
    overhead = 2 * DELAY_S + rng.exponential(JITTER_S, (count, 2)).sum(axis=1)
    overhead[:stalls] = 5.0
    return [
        Row(n, float(n), float(n), float(ran[n] + overhead[n] + 0.25), "done", n, "node-0", 0.25, float(ran[n]))
        for n in range(count)
    ]


@pytest.mark.parametrize("stalls", [0, 20])
def test_known_constants_come_out_again(stalls: int) -> None:
    count = 4_000
    fit = fit_world(rows_of(count, stalls))
    # standard error of the 90th percentile of the sum: sqrt(.09 / n) over its density there, .0796 / j (Erlang of two)
    error_s = 3.0 * (0.3 / count**0.5) / 0.0796 * JITTER_S / (3.88972 - 1.67835) + stalls / count * JITTER_S
    assert fit.jitter_s == pytest.approx(JITTER_S, abs=2.0 * error_s)
    assert fit.delay_s == pytest.approx(DELAY_S, abs=2.0 * error_s)
    assert fit.mean_s == pytest.approx(0.5, abs=3.0 * 0.5 / count**0.5)
    assert list(fit.levels) == sorted(fit.levels)
    assert len(fit.values_s) == 400


def test_too_little_is_refused() -> None:
    rows = rows_of(150)
    failed = [Row(row.request, row.due_at, row.sent_at, row.latency_s, "lost: OSError") for row in rows[:60]]
    with pytest.raises(InputError, match="90 answered"):
        fit_world([*failed, *rows[60:]])


def test_rows_survive_their_file(tmp_path: Path) -> None:
    rows = [Row(0, 0.5, 0.5, 1.25, "done", 3, "n", 0.25, 0.5), Row(1, 1.0, 1.0, 2.0, "503: busy")]
    path = tmp_path / "rows.csv"
    write_rows(path, rows)
    assert read_rows(path) == rows
    path.write_text(path.read_text().replace("1.25", "soon"))
    with pytest.raises(InputError, match="row 2, column 'latency_s'"):
        read_rows(path)
    path.write_text("request,due_at\n")
    with pytest.raises(InputError, match="column is missing"):
        read_rows(path)


def test_the_plan_is_what_a_run_draws() -> None:
    config = compose([*BASE, "arrivals.utilization_ratio=.5", "arrivals.keys_count=7"])
    plan = load_plan(config)
    assert plan.rate_per_s == 4.0
    from sim.bench.assemble import assemble

    table = assemble(config, 0).run().attempts
    assert [one.at for one in plan.requests] == table.arrived_at.tolist()
    assert [one.work_s for one in plan.requests] == table.work_s.tolist()
    assert all(one.key is not None and 0 <= one.key < 7 for one in plan.requests)


@pytest.mark.parametrize(
    ("override", "key"),
    [("service=llm", "service.kind"), ("arrivals=closed_loop", "arrivals.kind"),
     ("fleet.agent_types={a: 1, b: 1}", "fleet.agent_types")],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(override: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plan(compose([*BASE, override]))
    assert caught.value.key == key


def test_a_fitted_world_predicts_a_run_of_another_load_and_strategy(tmp_path: Path) -> None:
    """The live side is a simulated run here, whose world is known."""
    truth = ["faults=packet_loss", "faults.packet_loss.loss_prob=0", f"faults.packet_loss.delay_s={DELAY_S}",
             f"faults.packet_loss.delay_jitter_s={JITTER_S}", "retry.attempt_timeout_s=1000"]  # fmt: skip
    first = recorded([*BASE, *truth, "arrivals.rate_per_s=4", "horizon_s=1000"])
    fit = fit_world(first.rows)
    write_points(tmp_path / "service.csv", fit)
    (tmp_path / "world.yaml").write_text(to_yaml(world_keys(fit, tmp_path / "service.csv")))
    words = [*BASE, "balancer=random", "seed=2"]
    second = recorded([*words, *truth, "arrivals.rate_per_s=5"])
    found = verdict("random", second, [f"config={tmp_path / 'world.yaml'}"], words, 5.0, 3)
    assert (found.requests, found.lost) == (len(second.rows), 0)
    assert found.equal == found.decisions == len(second.rows)  # `random` does not look at time
    errors = {one.metric: abs(one.error_ratio) for one in found.compared}
    assert set(errors) == set(METRICS)
    assert errors["sojourn_s_p50"] < 0.05
    assert errors["sojourn_s_p99"] < 0.10
    assert errors["utilization_ratio"] < 0.05
    assert all(one.low < one.high for one in found.compared)


def recorded(words: list[str]) -> Recorded:
    """A simulated run as if it had been recorded."""
    from sim.bench.assemble import assemble

    table = assemble(compose(words), 0).run().attempts
    assert table.placed_at is not None
    assert table.left_at is not None
    rows = [
        Row(int(request), float(at), float(at), float(finished - at), "done", int(request), f"node-{node}",
            float(started - placed), float(left - started))
        for request, at, placed, started, left, finished, node in zip(
            table.request, table.arrived_at, table.placed_at, table.started_at, table.left_at, table.finished_at,
            table.node, strict=True,
        )
    ]  # fmt: skip
    return Recorded(rows, ["node-0", "node-1"])


def test_measured_and_predicted_figures_follow_the_same_rules() -> None:
    words = [*BASE, "arrivals.rate_per_s=4", "retry.attempt_timeout_s=1000"]
    config = compose(words)
    measured = measured_metrics(recorded(words).rows, 4, config.horizon_s)
    predicted, picks = predicted_metrics(config)
    assert len(picks) == len(recorded(words).rows)
    for metric in METRICS:
        assert measured[metric] == pytest.approx(predicted[metric], rel=1e-9)
