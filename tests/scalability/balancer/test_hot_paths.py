"""The plain functions that a compiled engine runs, as Python, against the balancer's own paths: the same answers."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sim.runtime.plain import NONE, STALE
from sim.scalability.balancer import hot_paths as hot
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams

SLOTS, STEPS, TYPES = 12, 1500, ("a", "b")
STRATEGIES: dict[str, dict[str, Any]] = {
    "random": {},
    "round_robin": {},
    "weighted_round_robin": {},
    "least_connections": {"ties": "rotate"},
    "weighted_least_connections": {"dispatchers": 3},
    "power_of_d": {"d": 3, "dispatchers": 2},
    "join_idle_queue": {"dispatchers": 2},
    "consistent_hash": {},
    "response_time": {},
    "prequal": {"signal": "probed", "dispatchers": 2, "probe_pool_max": 4},
}
CASES = [
    *STRATEGIES.items(),
    ("least_connections", {"signal": "polled", "count_own_dispatches": True}),
    ("power_of_d", {"signal": "polled", "dispatchers": 2}),
    *((kind, {**own, "queue": "central"}) for kind, own in STRATEGIES.items() if kind != "prequal"),
]


class Side:
    """A balancer over five nodes of two types, asked through its own paths or through the plain ones."""

    def __init__(
        self, kind: str, own: dict[str, Any], plain: bool, monkeypatch: pytest.MonkeyPatch, types: tuple[str, ...]
    ) -> None:
        self.balancer: Balancer = make_balancer(BalancerParams(kind=kind, **own), types, SLOTS)
        self.paths = self.balancer.compiled() if plain else None
        if self.paths is not None:
            for name, value in self.paths.bound.items():
                monkeypatch.setattr(hot, name, value)
        for number in range(5):
            self.balancer.node_joined(f"n{number}", 1.0 + number % 2)
            for agent_type in types:
                self.balancer.agents_changed(f"n{number}", agent_type, 2)

    def _ask(self, call: Any, dispatcher: int, view: int, *rest: Any) -> int:
        """A plain call; where it finds a stale view the balancer rebuilds that, as the kernel has it."""
        assert self.paths is not None
        books = self.paths.books
        answer: int = call(books, dispatcher, view, *rest)
        if answer == STALE:
            self.balancer.refresh(dispatcher, view)
            books.fresh[dispatcher * books.views + view] = 1
            answer = call(books, dispatcher, view, *rest)
        return answer

    def dispatch(self, dispatcher: int, view: int, draws: list[float], key: int, now: float) -> int:
        if self.paths is None:
            return self.balancer.dispatch(dispatcher, view, draws, key, now)
        return self._ask(hot.hot_dispatch, dispatcher, view, draws, key, now)

    def elsewhere(self, dispatcher: int, view: int, draws: list[float], key: int, held: int, now: float) -> int:
        if self.paths is None:
            return self.balancer.dispatch_elsewhere(dispatcher, view, draws, key, held, now)
        return self._ask(hot.hot_elsewhere, dispatcher, view, draws, key, held, now)

    def complete(self, dispatcher: int, slot: int, now: float, latency_s: float, occupancy: int, draw: float) -> None:
        generation = self.balancer.generation[slot]
        if self.paths is None:
            self.balancer.complete(dispatcher, slot, generation, now, latency_s, occupancy, draw)
        else:
            hot.hot_complete(self.paths.books, dispatcher, slot, now, latency_s, occupancy, draw)

    def refused(self, dispatcher: int, slot: int, now: float) -> None:
        if self.paths is None:
            self.balancer.refused(dispatcher, slot, self.balancer.generation[slot], now)
        else:
            hot.hot_refused(self.paths.books, dispatcher, slot)

    def poll(self, now: float, held: list[int]) -> None:
        if self.paths is None:
            self.balancer.poll(now, held)
        elif self.balancer.polled:
            hot.hot_poll(self.paths.books, held)

    def probe(self, dispatcher: int, view: int, draws: list[float], now: float, held: list[int]) -> list[int]:
        """Probes sent and answered at once; the slots."""
        if self.paths is None:
            targets = self.balancer.probe_targets(dispatcher, view, draws)
            for slot in targets:
                estimate_s = self.balancer.estimate_latency_s(slot, held[slot])
                self.balancer.probe_answer(dispatcher, view, slot, now, held[slot], estimate_s)
            return targets
        into = [0] * self.balancer.probes_count
        count = self._ask(hot.hot_probe_targets, dispatcher, view, draws, into)
        for slot in into[:count]:
            self._ask(hot.hot_probe_answer, dispatcher, view, slot, now, held[slot])
        return into[:count]

    def record(self, slot: int, rif: int, latency_s: float) -> None:
        if self.paths is None:
            self.balancer.record_latency(slot, rif, latency_s)
        else:
            hot.hot_record(self.paths.books, slot, rif, latency_s)


@pytest.mark.parametrize("types", [TYPES, ("a",)], ids=["two", "one"])
@pytest.mark.parametrize(("kind", "own"), CASES, ids=lambda value: str(value))
def test_plain_functions_do_what_the_paths_do(
    kind: str, own: dict[str, Any], types: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    agree([Side(kind, own, plain, monkeypatch, types) for plain in (False, True)])


def test_a_view_that_only_the_balancer_can_rebuild_is_rebuilt_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = [Side("prequal", STRATEGIES["prequal"], plain, monkeypatch, TYPES) for plain in (False, True)]
    monkeypatch.setattr(hot, "REFILLS", False)
    agree(sides)
    side, paths = sides[1], sides[1].paths
    assert paths is not None
    for call, rest in ((hot.hot_probe_targets, ([0.5] * 8, [0] * 8)), (hot.hot_probe_answer, (1, 1e4, 0))):
        paths.mark(SLOTS)
        assert call(paths.books, 0, 0, *rest) == STALE
        assert side._ask(call, 0, 0, *rest) != STALE


def test_a_strategy_that_has_no_hook_is_bound_to_nothing() -> None:
    fleet, state = object(), object()
    nothing: Any = hot  # as it stands, bound by nobody
    with pytest.raises(AssertionError, match="not bound"):
        nothing.pick(fleet, state, [], 0, 0.0)
    assert nothing.score(fleet, 3) == 0.0
    assert nothing.foresee(fleet, state, [], 1, 0, 0) == NONE
    for hook, rest in (("rebuild", ()), ("changed", (3,)), ("unpicked", (3,))):
        assert getattr(nothing, hook)(fleet, state, *rest) is None
    assert nothing.answered(fleet, 3, 0.0, 1.0) is None


def test_the_foreseen_slot_is_the_one_that_the_request_is_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    side, dice = Side("power_of_d", {"d": 2}, True, monkeypatch, ("a",)), random.Random(6)
    assert side.paths is not None
    books, length = side.paths.books, 60
    picks = [dice.random() for _ in range(2 * length)]
    into = [7, 7, 7]
    hot.hot_foreseen(books, [], picks, length, 0, 0, into)
    assert into == [NONE] * 3, "the view is stale"
    assert side.dispatch(0, 0, [0.5, 0.5], 0, 0.0) >= 0
    for place in range(length - 2):
        hot.hot_foreseen(books, [], picks, length, place, 0, into)
        several = list(into)
        for number in range(3):  # each as if it came now
            hot.hot_foreseen(books, [], picks, length, place + number, number, one := [7])
            assert one == several[number : number + 1], f"seed 6, request {place + number}"
        slot = side.dispatch(0, 0, [picks[place], picks[length + place]], 0, 0.0)
        assert several[0] == slot, f"seed 6, request {place}"
    monkeypatch.setattr(hot, "FORESEES", False)
    hot.hot_foreseen(books, [], picks, length, 0, 0, into)
    assert into == [NONE] * 3


def test_a_turn_is_foreseen_by_how_many_come_before(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side("round_robin", {}, True, monkeypatch, ("a",))
    assert side.paths is not None
    side.dispatch(0, 0, [], 0, 0.0)
    into = [7] * 4
    hot.hot_foreseen(side.paths.books, [], [], 1, 0, 2, into)
    slots = [side.dispatch(0, 0, [], 0, 0.0) for _ in range(6)]
    assert into == slots[2:]
    assert len(set(slots)) > 2


def test_under_a_slow_start_the_first_pick_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side("random", {}, True, monkeypatch, TYPES)
    monkeypatch.setattr(hot, "SLOW", True)
    assert side.paths is not None
    assert side.paths.books.begun[0] == 0
    side.dispatch(0, 0, [0.5], 0, 0.0)
    assert side.paths.books.begun[0] == 1


def test_the_hot_calls_of_a_balancer_are_made_once() -> None:
    balancer = make_balancer(BalancerParams(kind="random"), TYPES, SLOTS)
    assert balancer.compiled() is balancer.compiled()


def agree(sides: list[Side]) -> None:
    """Both sides give the same answers, step by step, and have the same books at the end (seed 5)."""
    balancer, dice, now = sides[0].balancer, random.Random(5), 0.0
    out: list[tuple[int, int, float]] = []  # dispatcher, slot, since when
    held = [0] * SLOTS
    for step in range(STEPS):
        now += dice.expovariate(4.0)
        dispatcher, view = dice.randrange(balancer.dispatchers_count), dice.randrange(balancer.views_count)
        draws = [dice.random() for _ in range(max(balancer.draws_count, balancer.probes_count, 1))]
        if out and dice.random() < 0.5:
            sender, slot, since = out.pop(dice.randrange(len(out)))
            held[slot] -= 1
            draw = dice.random()
            for side in sides:
                if step % 7:
                    side.complete(sender, slot, now, now - since, held[slot], draw)
                else:
                    side.refused(sender, slot, now)
                if balancer.probes_count:
                    side.record(slot, held[slot], now - since)
        else:
            if out and balancer.views_count - 1 == view and dice.random() < 0.3:  # a hedge, of any type
                avoided = out[-1][1]
                more = [dice.random() for _ in range(balancer.draws_count + 1)]
                slot, other = (side.elsewhere(dispatcher, view, more, step % 9, avoided, now) for side in sides)
            else:
                slot, other = (side.dispatch(dispatcher, view, draws, step % 9, now) for side in sides)
            assert slot == other, f"step {step}"
            if slot >= 0:
                out.append((dispatcher, slot, now))
                held[slot] += 1
            if balancer.probes_count:
                targets = [side.probe(dispatcher, view, draws, now, held) for side in sides]
                assert targets[0] == targets[1], f"step {step}"
        if step % 50 == 0:
            for side in sides:
                side.poll(now, held)
        if step % 211 == 0:
            for side in sides:
                side.balancer.set_eligible(f"n{step % 4}", step % 3 == 0)
    assert sides[0].balancer.statistics() == sides[1].balancer.statistics()
    assert sum(sides[1].balancer.statistics().in_flight) == len(out) > 0
