"""Nodes, agents and slots as the balancer hears of them, and what it refuses."""

from __future__ import annotations

import pytest

from sim.errors import ConfigError, NodeError
from sim.scalability.balancer.balancer import BalancerStatistics, make_balancer
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of

ROUND = BalancerParams(kind="round_robin")


def test_listeners_hear_of_each_new_slot_once_and_of_a_reused_one_again() -> None:
    balancer = make_balancer(ROUND, ("chat", "code"), 4)
    heard: list[tuple[int, str, str]] = []
    balancer.slot_listeners.append(lambda slot, node_id, agent_type: heard.append((slot, node_id, agent_type)))
    for node in ("a", "b"):
        balancer.node_joined(node, 1.0)
        balancer.agents_changed(node, "code", 1)
    balancer.agents_changed("a", "chat", 1)
    balancer.agents_changed("a", "code", 2)
    assert heard == [(0, "a", "code"), (1, "b", "code"), (2, "a", "chat")]
    balancer.node_left("a")
    balancer.node_joined("c", 1.0)
    balancer.agents_changed("c", "chat", 1)
    assert heard[3:] == [(0, "c", "chat")]
    assert list(balancer.generation[:4]) == [1, 0, 1, 0]


def test_weights_are_agents_times_the_weight_of_one() -> None:
    balancer = fleet_of(ROUND, 3, 4, weights=(0.5, 1.0, 2.0))
    assert balancer.table.facts.weight.tolist() == [2.0, 4.0, 8.0]
    balancer.agents_changed("n1", "agent", 6)
    assert balancer.table.facts.weight.tolist() == [2.0, 6.0, 8.0]


def test_deployment_rebuilds_once_at_the_next_dispatch() -> None:
    balancer = fleet_of(BalancerParams(kind="consistent_hash"), 4)
    state = balancer.states[0][0]
    assert not state.fresh
    assert state.points_count == 0
    balancer.dispatch(0, 0, (), 1, 0.0)
    assert state.fresh
    assert state.points_count == 400


def test_statistics_are_a_snapshot() -> None:
    balancer = fleet_of(BalancerParams(kind="round_robin", dispatchers=2), 2, 3)
    for dispatcher in (0, 1, 1):
        balancer.dispatch(dispatcher, 0, (), 0, 0.0)
    balancer.set_eligible("n1", False)
    assert balancer.statistics() == BalancerStatistics(
        slots=(("n0", "agent"), ("n1", "agent")), in_flight=(2, 1), eligible=(True, False), capacity=(3, 3)
    )


def test_a_node_that_may_not_be_picked_stays_so_when_its_agents_change() -> None:
    balancer = fleet_of(ROUND, 2)
    balancer.set_eligible("n0", False)
    balancer.agents_changed("n0", "agent", 5)
    assert balancer.statistics().eligible == (False, True)
    balancer.agents_changed("n0", "agent", 0)
    balancer.set_eligible("n0", True)
    assert balancer.statistics().eligible == (False, True)


def test_what_membership_refuses() -> None:
    balancer = fleet_of(ROUND, 1)
    with pytest.raises(NodeError, match="node x: has not joined"):
        balancer.agents_changed("x", "agent", 1)
    with pytest.raises(NodeError, match="node n0: has joined the balancer already"):
        balancer.node_joined("n0", 1.0)
    for weight in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(NodeError, match="accepted is a finite number above 0"):
            balancer.node_joined("x", weight)
    with pytest.raises(NodeError, match="agent type 'chat': accepted is one of agent"):
        balancer.agents_changed("n0", "chat", 1)
    with pytest.raises(NodeError, match="-1 ready agents: accepted is 0 or more"):
        balancer.agents_changed("n0", "agent", -1)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "fastest"}, r"balancer\.kind=fastest: accepted is one of consistent_hash, "),
        ({"ties": "first"}, r"balancer\.ties=first: accepted is random / rotate / lowest"),
        ({"queue": "both"}, r"balancer\.queue=both: accepted is node / central"),
        ({"signal": "guessed"}, r"balancer\.signal=guessed: accepted is local / polled / probed"),
        ({"kind": "prequal"}, r"balancer\.signal=local: accepted is probed with prequal"),
        ({"signal": "probed"}, r"balancer\.signal=probed: accepted is local / polled with round_robin"),
        ({"kind": "response_time", "signal": "polled"}, r"balancer\.signal=polled: accepted is local with response_t"),
        ({"kind": "join_idle_queue", "signal": "polled"}, r"balancer\.signal=polled: accepted is local with join_idl"),
        ({"kind": "consistent_hash", "signal": "polled"}, r"balancer\.signal=polled: accepted is local with consist"),
        ({"count_own_dispatches": True}, r"balancer\.count_own_dispatches=True: accepted is false unless"),
        ({"signal": "polled", "refresh_s": 0.0}, r"balancer\.refresh_s=0\.0: accepted is above 0"),
        ({"dispatchers": 0}, r"balancer\.dispatchers=0: accepted is 1 or more"),
    ],
)
def test_what_configuration_refuses(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_balancer(BalancerParams(**keys), ("agent",), 2)  # type: ignore[arg-type]
