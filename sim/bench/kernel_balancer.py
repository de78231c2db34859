"""The balancer as the engine of attempts calls it, through the compiled rules of a running kernel.

Both look at the same books, so that it does not matter whether the kernel sent an attempt or Python did. Membership
goes to the balancer itself; and so does everything while a slot is within a slow start (`by_hand`), which is rare and
needs a second state for each view: then the kernel leaves picks, answers, polls and probes to Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numba import types

from sim.kernel.calls import call_complete, call_dispatch, call_elsewhere, call_probes, call_record, call_refused
from sim.kernel.driver import REAL, WHOLE, Driver
from sim.kernel.state import POLL_AT, POLL_S, POLL_TICK, PROBES_FROM, PROBES_TO, WANT
from sim.runtime.plain import STALE
from sim.scalability.balancer.balancer import Balancer


class KernelBalancer:
    """Implements `sim.world.seam.LoadBalancer` for the engine; polls and answers of probes are the kernel's."""

    refresh_s = None  # the kernel polls

    def __init__(self, balancer: Balancer, driver: Driver) -> None:
        self.balancer, self.driver = balancer, driver
        self._dispatch = driver.entry(call_dispatch, WHOLE, WHOLE, WHOLE, WHOLE, REAL)
        self._complete = driver.entry(call_complete, types.void, WHOLE, WHOLE, REAL, REAL, WHOLE, REAL)
        self._refused = driver.entry(call_refused, types.void, WHOLE, WHOLE)
        if driver.balancing.hedges:
            self._elsewhere = driver.entry(call_elsewhere, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, REAL)
        if driver.balancing.probes:
            self._probes = driver.entry(call_probes, WHOLE, WHOLE, WHOLE, WHOLE, REAL)
            self._record = driver.entry(call_record, types.void, WHOLE, WHOLE, REAL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.balancer, name)

    def by_hand(self) -> bool:
        """Whether the balancer itself is asked now; always where idle tokens also wait at who has settled."""
        slow = self.balancer.slow
        return slow is not None and (slow.is_warming() or self.balancer.chooser.idle_tokens)

    @contextmanager
    def _itself(self) -> Iterator[Balancer]:
        """The balancer, over numbers as the kernel left them, which go back there."""
        balancing, structs = self.driver.balancing, self.driver.structs
        balancing.pull(structs)
        try:
            yield self.balancer
        finally:
            balancing.push(structs)

    def hear_signal(self, now: float) -> None:
        """A poll, or the answer of the first probe under way (see `sim.kernel.messages`)."""
        k = self.driver.k
        numbers, instants, pools, probes = k.numbers, k.instants, k.pools, k.probes
        held = [int(pools.present[p]) if p >= 0 else 0 for p in pools.of_slot[: len(self.balancer.slots)]]
        with self._itself() as balancer:
            if numbers[PROBES_FROM] == numbers[PROBES_TO]:
                balancer.poll(now, held)
                numbers[POLL_TICK] += 1
                instants[POLL_AT] = float(numbers[POLL_TICK]) * float(instants[POLL_S])
                return
            place = int(numbers[PROBES_FROM]) & (len(probes.at) - 1)
            slot, dispatcher, view = (int(column[place]) for column in (probes.slot, probes.dispatcher, probes.of_view))
            latency_s = balancer.estimate_latency_s(slot, held[slot])
            balancer.probe_answer(dispatcher, view, slot, now, held[slot], latency_s)
            numbers[PROBES_FROM] += 1

    def _asked(self, rule: Callable[..., int], *arguments: Any) -> int:
        """Ask a rule, rebuilding the view first where it must be."""
        found = rule(self.driver.address, *arguments)
        while found == STALE:
            self.driver.refresh()
            found = rule(self.driver.address, *arguments)
        return found

    def _want(self, dispatcher: int, view: int) -> None:
        self.driver.k.numbers[WANT] = dispatcher * self.balancer.views_count + view

    def dispatch(self, dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
        """Pick a slot for an attempt and count it there; -1 when none may be picked."""
        if self.by_hand():
            with self._itself() as balancer:
                return balancer.dispatch(dispatcher, view, draws, key, now)
        self.driver.k.draws[: len(draws)] = draws
        self._want(dispatcher, view)
        return self._asked(self._dispatch, dispatcher, view, key, now)

    def dispatch_elsewhere(
        self, dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float
    ) -> int:
        """As `dispatch`, to another node than slot `held` is of; `draws` are one more."""
        if self.by_hand():
            with self._itself() as balancer:
                return balancer.dispatch_elsewhere(dispatcher, view, draws, key, held, now)
        self.driver.k.draws[: len(draws)] = draws
        self._want(dispatcher, view)
        return self._asked(self._elsewhere, dispatcher, view, key, held, now)

    def complete(
        self, dispatcher: int, slot: int, generation: int, now: float, latency_s: float, occupancy: int,
        draw: float = 0.0,
    ) -> None:  # fmt: skip
        """An attempt was answered."""
        if self.by_hand():
            with self._itself() as balancer:
                balancer.complete(dispatcher, slot, generation, now, latency_s, occupancy, draw)
        elif self.balancer.generation[slot] == generation:
            self._complete(self.driver.address, dispatcher, slot, now, latency_s, occupancy, draw)

    def refused(self, dispatcher: int, slot: int, generation: int, now: float) -> None:
        """An attempt was turned away or given up."""
        if self.by_hand():
            with self._itself() as balancer:
                balancer.refused(dispatcher, slot, generation, now)
        elif self.balancer.generation[slot] == generation:
            self._refused(self.driver.address, dispatcher, slot)

    def record_latency(self, slot: int, rif_at_arrival: int, latency_s: float) -> None:
        """The node of a slot notes an answer."""
        self._record(self.driver.address, slot, rif_at_arrival, latency_s)

    def send_probes(self, row: int, dispatcher: int, view: int, now: float) -> None:
        """Probes after a dispatch of the attempt in `row`."""
        self.driver.reserve()
        self._want(dispatcher, view)
        self._asked(self._probes, row, dispatcher, view, now)
