"""Slow start with every registered strategy: nothing changes before it, nobody warms by accident, books stay right."""

from __future__ import annotations

from typing import Any

import pytest

from sim.registry import names
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.slow_start import SlowStartParams
from tests.conformance.balancer.traffic import SEED, Traffic, params_of

KINDS = names("balancer")
WINDOW_S = 2.0  # 200 requests of `Traffic`


class SlowTraffic(Traffic):
    """Traffic whose clock the balancer reads; `keep` is the draw that decides, None draws it as any other."""

    def __init__(self, params: BalancerParams, nodes: int, agents: int, slow: bool, types: tuple[str, ...]) -> None:
        self.now, self.keep, self.types = 0.0, None, types
        start = SlowStartParams(WINDOW_S, lambda: self.now) if slow else None
        super().__init__(make_balancer(params, types, 32, start))
        self.slow, self.agents = slow, agents
        for node in range(nodes):
            self.join(node)

    keep: float | None

    def join(self, node: int) -> None:
        self.balancer.node_joined(f"n{node}", 1.0)
        for agent_type in self.types:
            self.balancer.agents_changed(f"n{node}", agent_type, self.agents)

    def send(self) -> int:
        """As without a slow start, from the same draws; those that only a slow start reads come from elsewhere."""
        balancer = self.balancer
        plain_dispatch, count = balancer.dispatch, balancer.draws_count
        if self.slow:
            base = (count - 1) // 2
            more = [self.keep if self.keep is not None else (self.count * 0.754877) % 1.0]
            more += [(self.count * 0.569840 + index * 0.1) % 1.0 for index in range(base)]

            def dispatch(dispatcher: int, view: int, draws: Any, key: int, now: float) -> int:
                return plain_dispatch(dispatcher, view, [*draws, *more], key, now)

            balancer.dispatch, balancer.draws_count = dispatch, base
        try:
            return super().send()
        finally:
            balancer.dispatch, balancer.draws_count = plain_dispatch, count


def traffics(kind: str, queue: str, dispatchers: int, types: tuple[str, ...] = ("agent",)) -> list[SlowTraffic]:
    params = params_of(kind, queue=queue, dispatchers=dispatchers)
    return [SlowTraffic(params, 6, 8, slow, types) for slow in (False, True)]


@pytest.mark.parametrize(("queue", "dispatchers"), [("node", 1), ("node", 3), ("central", 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_while_nobody_warms_or_every_draw_keeps(kind: str, queue: str, dispatchers: int) -> None:
    plain, slow = traffics(kind, queue, dispatchers)
    assert plain.run(300) == slow.run(300), f"seed {SEED}"
    slow.keep = 0.0
    for traffic in (plain, slow):
        traffic.join(6)
    assert plain.run(150) == slow.run(150), f"seed {SEED}"
    slow.keep = 1.0 - 2.0**-52  # the window is over after another 50
    slow.run(60)
    assert slow.balancer.slow is not None
    slow.balancer.slow.settle(slow.now)
    assert not slow.balancer.slow.is_warming()


@pytest.mark.parametrize(("queue", "dispatchers"), [("node", 1), ("node", 3), ("central", 1)])
@pytest.mark.parametrize("types", [("agent",), ("chat", "code")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_warming_slot_gets_nothing_above_its_factor_then_its_work(
    kind: str, types: tuple[str, ...], queue: str, dispatchers: int
) -> None:
    slow = traffics(kind, queue, dispatchers, types)[1]
    slow.run(200)
    slow.keep = 1.0 - 2.0**-52
    slow.balancer.set_eligible("n2", False)
    slow.run(20)
    slow.balancer.set_eligible("n2", True)
    slow.join(6)
    warming = {slot for slot, (node_id, _) in enumerate(slow.balancer.slots) if node_id in ("n2", "n6")}
    for _ in range(19):
        assert not set(slow.run(10)) & warming, f"seed {SEED}"
        check_twins(slow.balancer)
    slow.keep = None
    slow.run(30)
    wanted = {slot for slot in warming if slow.balancer.table.facts.slot_type[slot] == 0}
    picks = set(slow.run(900))
    if kind != "prequal":  # which shuns for good who was slow once, where latencies have nothing to do with loads
        assert wanted <= picks, f"seed {SEED}"
    slow.drain()
    assert not any(slow.balancer.statistics().in_flight)


@pytest.mark.parametrize("kind", KINDS)
def test_half_way_a_slot_has_some_work_and_less_than_without(kind: str) -> None:
    """The same draws: a new node's requests in the first half of its window, over some seeds."""
    plain, slow = (sum(new_work(kind, is_slow, seed) for seed in range(SEED, SEED + 5)) for is_slow in (False, True))
    assert 0 < slow < plain, f"seed {SEED}"


def new_work(kind: str, is_slow: bool, seed: int) -> int:
    traffic = traffics(kind, "node", 1)[is_slow]
    traffic.draw.seed(seed)
    traffic.run(200)
    traffic.join(6)
    return traffic.run(100).count(6)


def check_twins(balancer: Balancer) -> None:
    """Every twin that is in use is what it would be if it were rebuilt now."""
    facts = balancer.table.facts
    settled = [up and not warm for up, warm in zip(facts.eligible, facts.warm, strict=True)]
    for dispatcher, views in enumerate(balancer.states):
        for view, state in enumerate(views):
            twin = state.twin.state
            if not twin.fresh:
                continue
            again = balancer.chooser.make_state(32, dispatcher, len(balancer.states))
            balancer._fill(balancer.fleets[dispatcher], again, view, settled)
            assert sorted(twin.slots[: twin.size]) == sorted(again.slots[: again.size])
            for name in ("tree", "idle"):
                if hasattr(again, name):
                    assert getattr(twin, name).value == getattr(again, name).value
            for name in ("total", "points_count", "weights"):
                assert getattr(twin, name, None) == getattr(again, name, None)
