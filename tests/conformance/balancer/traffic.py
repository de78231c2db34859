"""Random dispatches and answers over a real Balancer, with books of their own to hold it against."""

from __future__ import annotations

import random
from collections import Counter

from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.params import BalancerParams

SEED = 20240611


def params_of(kind: str, **keys: object) -> BalancerParams:
    """The strategy with the signal it needs."""
    return BalancerParams(kind=kind, signal="probed" if kind == "prequal" else "local", **keys)  # type: ignore[arg-type]


class Traffic:
    """Random dispatches and answers over a balancer; keeps its own books of who holds what."""

    def __init__(self, balancer: Balancer, seed: int = SEED, view: int = 0) -> None:
        self.balancer, self.view = balancer, view
        self.draw = random.Random(seed)
        self.out: list[tuple[int, int, int]] = []  # dispatcher, slot, generation
        self.held: Counter[int] = Counter()
        self.now = 0.0
        self.count = 0

    def send(self) -> int:
        balancer, draw = self.balancer, self.draw
        self.now += 0.01
        self.count += 1
        dispatcher = int(draw.random() * balancer.dispatchers_count)
        draws = [draw.random() for _ in range(balancer.draws_count)]
        slot = balancer.dispatch(dispatcher, self.view, draws, self.count, self.now)
        if slot >= 0:
            self.out.append((dispatcher, slot, balancer.generation[slot]))
            self.held[slot] += 1
            probes = [draw.random() for _ in range(balancer.probes_count)]
            for target in balancer.probe_targets(dispatcher, self.view, probes):
                latency_s = balancer.estimate_latency_s(target, self.held[target])
                balancer.probe_answer(dispatcher, self.view, target, self.now, self.held[target], latency_s)
        return slot

    def answer(self) -> None:
        dispatcher, slot, generation = self.out.pop(int(self.draw.random() * len(self.out)))
        if generation == self.balancer.generation[slot]:
            self.held[slot] -= 1
        latency_s = self.draw.expovariate(2.0)
        self.balancer.complete(dispatcher, slot, generation, self.now, latency_s, self.held[slot], self.draw.random())
        self.balancer.record_latency(slot, self.held[slot], latency_s) if self.balancer.probes_count else None

    def run(self, requests: int, out_max: int = 30) -> list[int]:
        picks = []
        for _ in range(requests):
            picks.append(self.send())
            while len(self.out) > out_max or (self.out and self.draw.random() < 0.4):
                self.answer()
            self.check()
        return picks

    def drain(self) -> None:
        while self.out:
            self.answer()

    def check(self) -> None:
        in_flight = self.balancer.statistics().in_flight
        books = tuple(self.held[slot] for slot in range(len(in_flight)))
        assert in_flight == books, f"seed {SEED}"
