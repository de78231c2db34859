"""Hooks around a pick: who stands outside may strike nodes from it or name nodes to try first.

Rule: the first preferred node that may be picked gets the attempt; else the strategy picks, and where it picks a struck
node the pick is given back and the least loaded of the others takes it (ties: the lowest slot). With every node struck
nothing is picked, and the request waits at the balancer. Installed before an engine is made, which keeps the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.scalability.balancer.balancer import Balancer

# (view, key, node ids, attempts in flight) -> (struck, preferred), None: as the strategy picks
Ask = Callable[[int, int, list[str], list[int]], tuple[Sequence[str], Sequence[str]] | None]
Answered = Callable[[int], None]  # the slot that answered


def hook_routes(balancer: Balancer, ask: Ask) -> None:
    """Ask at every pick from now on, hedges too."""
    plain, elsewhere = balancer.dispatch, balancer.dispatch_elsewhere
    member = balancer.table.facts.member

    def chosen(dispatcher: int, view: int, key: int, now: float, slots: list[int], pick: Callable[[], int]) -> int:
        in_flight = balancer.fleets[dispatcher].in_flight
        nodes = [balancer.slots[slot][0] for slot in slots]
        answer = ask(view, key, nodes, [in_flight[slot] for slot in slots])
        if answer is None:
            return pick()
        struck, preferred = answer
        allowed = {
            node: slot for node, slot in zip(reversed(nodes), reversed(slots), strict=True) if node not in struck
        }
        if not allowed:
            return -1
        for node in preferred:
            if node in allowed:
                return balancer.place(dispatcher, allowed[node])
        slot = pick()
        if slot < 0 or balancer.slots[slot][0] in allowed:
            return slot
        balancer.refused(dispatcher, slot, balancer.generation[slot], now)
        if balancer.chooser.unpicked is not None:
            balancer.chooser.unpicked(balancer.fleets[dispatcher], balancer.states[dispatcher][view], slot)
        return balancer.place(dispatcher, min(allowed.values(), key=lambda each: (in_flight[each], each)))

    def dispatch(dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
        slots = balancer.pickable(dispatcher, view)
        if not slots:
            return -1
        return chosen(dispatcher, view, key, now, slots, lambda: plain(dispatcher, view, draws, key, now))

    def dispatch_elsewhere(dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float) -> int:
        slots = [slot for slot in balancer.pickable(dispatcher, view) if member[slot] != member[held]]
        if not slots:
            return -1
        return chosen(dispatcher, view, key, now, slots, lambda: elsewhere(dispatcher, view, draws, key, held, now))

    balancer.dispatch, balancer.dispatch_elsewhere = dispatch, dispatch_elsewhere


def hook_answers(balancer: Balancer, answered: Answered) -> None:
    """Tell every slot that answers, before the answer counts."""
    complete = balancer.complete

    def completed(
        dispatcher: int, slot: int, generation: int, now: float, latency_s: float, occupancy: int, draw: float = 0.0
    ) -> None:
        answered(slot)
        complete(dispatcher, slot, generation, now, latency_s, occupancy, draw)

    balancer.complete = completed
