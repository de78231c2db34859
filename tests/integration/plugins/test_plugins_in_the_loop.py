"""The real plugin manager inside simulated fleets: what each hook changes, that nothing else does, replay, validity."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import Assembly, assemble
from sim.bench.compose import compose
from sim.bench.identity import point_key
from sim.errors import ConfigError, InvalidRun
from sim.integration.plugins.journal import Journal
from sim.integration.plugins.protocol import HOOKS as HOOK_SPECS
from sim.types.records import OK, REJECTED, RunRecord
from tests.integration.plugins.rig import write

SMALL = [
    "horizon_s=60", "drain_s=200", "fleet.nodes=4", "fleet.agents_per_node=3", "arrivals.utilization_ratio=0.7",
    "balancer=power_of_d", "arrivals.keys_count=40", "stats.keep_requests=true",
]  # fmt: skip
FIRE = ["faults=crash", "faults.crash.mttf_s=40", "faults.crash.mttr_s=10", "health=aggressive", "retry=default",
        "failover=default"]  # fmt: skip


def assembly(root: Path | None, *extra: str, replay: Journal | None = None) -> Assembly:
    words = [*SMALL, *extra]
    if root is not None:
        ids = ",".join(sorted(path.name for path in root.iterdir()))
        words += [f"plugins.enabled=[{ids}]", f"plugins.folders=['{root}']", "plugins.sandbox_plugins=false"]
    return assemble(compose(words), 0, replay)


def run(root: Path | None, *extra: str) -> RunRecord:
    return assembly(root, *extra).run()


def same_requests(one: RunRecord, other: RunRecord) -> None:
    for field in dataclasses.fields(one.attempts):
        first, second = getattr(one.attempts, field.name), getattr(other.attempts, field.name)
        if isinstance(first, np.ndarray):
            assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f"), field.name


NOTHING = """
seen = {}
class Plugin:
    def __init__(self, context): pass
""" + "".join(
    f"    def {hook}(self, payload): seen.setdefault({hook!r}, []).append(payload)\n"
    for hook in ("startup", "shutdown", "node_state_changed", "agent_deployed", "before_request", "after_response",
                 "before_route", "metrics_collected")
)  # fmt: skip
HOOKS = (
    "startup shutdown node_state_changed agent_deployed before_request after_response before_route metrics_collected"
)


@pytest.mark.parametrize("extra", [[], FIRE, ["balancer=least_connections", "hedge=default", "hedge.after_s=1"]])
def test_a_plugin_that_answers_nothing_changes_no_request(tmp_path: Path, extra: list[str]) -> None:
    write(tmp_path, "custom.nothing", NOTHING, hooks=HOOKS)
    same_requests(run(None, *extra), run(tmp_path, *extra))


def test_the_control_plane_calls_every_hook_with_what_it_says(tmp_path: Path) -> None:
    write(tmp_path, "custom.nothing", NOTHING, hooks=HOOKS)
    whole = assembly(tmp_path, *FIRE)
    unit = whole.plugged.manager._life.units["custom.nothing"]
    seen: dict[str, list[dict[str, Any]]] = unit.runner.functions["startup"].__func__.__globals__["seen"]
    record = whole.run()
    first = record.attempts.attempt == 0
    assert seen["startup"] == [{"nodes": 4, "agents": 12}]
    assert len(seen["shutdown"]) == 1
    assert len(seen["agent_deployed"]) >= 12
    assert {each["new"] for each in seen["node_state_changed"]} >= {"offline", "online"}
    assert [each["request"] for each in seen["before_request"]] == record.attempts.request[first].tolist()
    assert len(seen["before_route"]) >= int(first.sum())
    answered = {each["request"]: each for each in seen["after_response"]}
    assert len(seen["after_response"]) == len(answered) == int(first.sum()), "each request ends once"
    names = list(whole.world.nodes)
    for row in np.flatnonzero(record.attempts.status == OK).tolist():
        told = answered[int(record.attempts.request[row])]
        assert (told["status"], told["node"]) == ("ok", names[record.attempts.node[row]])
    assert len(seen["metrics_collected"]) >= 6
    for hook, payloads in seen.items():
        assert set(payloads[0]) == set(HOOK_SPECS[hook].payload)


def test_rejections_never_reach_a_node(tmp_path: Path) -> None:
    code = "def before_request(p):\n    return {'reject': 'odd'} if p['request'] % 2 else None\n"
    write(tmp_path, "custom.odd", code, hooks="before_request")
    record = run(tmp_path)
    table = record.attempts
    odd = table.request % 2 == 1
    assert (table.status[odd] == REJECTED).all()
    assert (table.node[odd] == -1).all()
    assert (table.status[~odd] == OK).all()
    assert record.counts["plugin_rejections"] == int(odd.sum()) == record.counts["requests_rejected"]


@pytest.mark.parametrize("balancer", ["round_robin", "least_connections", "power_of_d", "join_idle_queue", "prequal"])
def test_vetoes_and_preferences_decide_the_node(tmp_path: Path, balancer: str) -> None:
    code = "def before_route(p):\n    veto = [n for n in p['nodes'] if n.endswith('0')]\n"
    code += "    return {'veto': veto, 'prefer': p['nodes'][1:2] if p['key'] < 5 else []}\n"
    write(tmp_path, "custom.route", code, hooks="before_route")
    whole = assembly(tmp_path, f"balancer={balancer}", "hedge.after_s=2")
    table = whole.run().attempts
    nodes = table.node[table.node >= 0]
    struck = {number for number, name in enumerate(whole.world.nodes) if name.endswith("0")}
    assert struck
    assert not struck & set(nodes.tolist())
    assert len(set(nodes.tolist())) == 3
    in_flight = whole.balancer.statistics().in_flight
    assert set(in_flight) == {0}, "every count was given back"


def test_with_every_node_struck_requests_wait_at_the_balancer(tmp_path: Path) -> None:
    write(tmp_path, "custom.all", "def before_route(p):\n    return {'veto': p['nodes']}\n", hooks="before_route")
    record = run(tmp_path, "balancer.queue_max=5", "drain_s=1")
    assert (record.attempts.node == -1).all()
    assert record.counts["requests_rejected"] == len(record.attempts.request) - 5


def test_scale_decisions_are_bounded(tmp_path: Path) -> None:
    code = "def scaling_decided(p):\n    return {'desired': min(p['desired'], 5), 'reason': 'budget'}\n"
    scaled = ["autoscaler=hpa", "autoscaler.max_nodes=9", "autoscaler.provisioning_s=1", "autoscaler.interval_s=5",
              "arrivals.utilization_ratio=null", "arrivals.rate_per_s=30", "fleet.nodes=2", "drain_s=60"]  # fmt: skip
    free = run(None, *scaled)
    write(tmp_path, "custom.bound", code, hooks="scaling_decided")
    bound = assembly(tmp_path, *scaled)
    record = bound.run()
    assert free.series is not None
    assert record.series is not None
    assert free.series.desired_nodes.max() == 9
    assert record.series.desired_nodes.max() == 5
    reasons = [dict(row.fields)["reason"] for row in bound.log.rows if row.kind == "scale_out"]
    assert any("bounded by a plugin: budget" in reason for reason in reasons)


def test_a_run_that_hangs_on_the_wall_clock_is_invalid(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", "def before_request(p): pass", hooks="before_request")
    whole = assembly(tmp_path)
    whole.plugged.hooks._stopwatch = iter(np.arange(0.0, 1e9, 31.0)).__next__
    with pytest.raises(InvalidRun, match="wall seconds"):
        whole.run()


def test_a_worker_serves_the_request_path_of_a_run(tmp_path: Path) -> None:
    code = "def before_request(p):\n    return {'reject': 'odd'} if p['request'] % 2 else None\n"
    write(tmp_path, "custom.odd", code, hooks="before_request")
    words = ["horizon_s=15", "plugins.enabled=[custom.odd]", f"plugins.folders=['{tmp_path}']"]
    walled = assembly(None, *words)
    assert walled.plugged.manager.get_plugin("custom.odd").isolation in ("sealed", "confined")
    same_requests(walled.run(), run(tmp_path, "horizon_s=15"))


def test_without_plugins_no_manager_is_made() -> None:
    whole = assembly(None)
    assert whole.plugged is None
    assert whole.engine == "simpy"
    assert type(whole.log).__name__ == "EventLog"


def test_plugins_do_not_compile(tmp_path: Path) -> None:
    write(tmp_path, "custom.a")
    with pytest.raises(ConfigError, match="plugins"):
        assembly(tmp_path, "engine=compiled")


def test_a_stored_result_is_not_used_again_once_a_plugin_has_changed(tmp_path: Path) -> None:
    folder = write(tmp_path, "custom.a")
    words = [*SMALL, "plugins.enabled=[custom.a]", f"plugins.folders=['{tmp_path}']"]
    keys = [point_key(compose(words)), point_key(compose(words)), point_key(compose(SMALL))]
    (folder / "code.py").write_text("def startup(payload): return None\n")
    keys.append(point_key(compose(words)))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
