"""Load as the control plane sees it, over books kept by hand: nodes with one slot, with two, and with none."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

from sim.bench.fleet_load import FleetLoad


def load_of(slots: dict[str, dict[str, int]], flying: list[list[int]]) -> tuple[FleetLoad, Any]:
    balancer: Any = SimpleNamespace(
        table=SimpleNamespace(members={name: SimpleNamespace(slots=of_node) for name, of_node in slots.items()}),
        fleets=[SimpleNamespace(in_flight=array("q", counts)) for counts in flying],
        slots=range(len(flying[0])),
    )
    rows = {"a": [0], "b": [1, 2], "c": []}
    nodes = {name: SimpleNamespace(pools={p: SimpleNamespace(p=p) for p in rows[name]}) for name in rows}
    runtime = SimpleNamespace(now=lambda: 7.0)
    engine = SimpleNamespace(pools_busy_s=lambda now: [now, 10.0, 20.0])
    world: Any = SimpleNamespace(nodes=nodes, runtime=runtime, engine=engine)
    return FleetLoad(world, balancer), balancer


def test_idle_nodes_whatever_their_slots() -> None:
    names = ["a", "b", "c"]
    several, _ = load_of({"a": {"x": 0}, "b": {"x": 1, "y": 2}}, [[0, 0, 1]])
    assert (several.idle_count(names), several.in_flight("b"), several.in_flight_count()) == (2, 1, 1)
    two_dispatchers, _ = load_of({"a": {"x": 0}, "b": {"x": 1}}, [[0, 0], [3, 0]])
    assert two_dispatchers.idle_count(["a", "b"]) == 1
    single, balancer = load_of({"a": {"x": 2}, "b": {"x": 0}}, [[4, 0, 0]])
    asked = ["a", "b"]
    assert single.idle_count(asked) == 1
    balancer.fleets[0].in_flight[2] = 1
    assert single.idle_count(asked) == 0


def test_busy_time_is_summed_by_node() -> None:
    load, _ = load_of({}, [[0]])
    assert load.busy_of(["a", "b", "c"]) == [7.0, 30.0, 0.0]
    assert load.busy_of(["b"]) == [30.0]
