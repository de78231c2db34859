"""A tiny fleet that drives a real Balancer: nodes of one agent, in order of arrival, M/M with mean service 1.

Its own event heap and its own generator, so that it shares nothing with the engines. Equal instants do not occur but
between a poll and nothing else. Gives the mean sojourn of the requests after the first fifth.
"""

from __future__ import annotations

import heapq
import random
from collections import deque

from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams


def fleet_of(params: BalancerParams, nodes: int, agents: int = 1, weights: tuple[float, ...] = (1.0,)) -> Balancer:
    """A balancer over `nodes` joined nodes of `agents` ready agents each; weights are cycled."""
    balancer = make_balancer(params, ("agent",), nodes)
    for node in range(nodes):
        balancer.node_joined(f"n{node}", weights[node % len(weights)])
        balancer.agents_changed(f"n{node}", "agent", agents)
    return balancer


def sojourns(params: BalancerParams, nodes: int, utilization: float, requests: int, seed: int) -> list[float]:
    """Sojourns of the requests after the first fifth, in order of arrival."""
    balancer = fleet_of(params, nodes)
    draw = random.Random(seed)
    rate = utilization * nodes
    expovariate, uniform = draw.expovariate, draw.random
    waiting: list[deque[tuple[int, float]]] = [deque() for _ in range(nodes)]
    finishes: list[tuple[float, int]] = []
    arrived_at, left_s = [0.0] * requests, [0.0] * requests
    dispatch, complete, refresh_s = balancer.dispatch, balancer.complete, balancer.refresh_s
    width, probes, sender, rif_met = balancer.draws_count, balancer.probes_count, [0] * requests, [0] * requests
    tick, poll_at = 0, 0.0 if refresh_s else float("inf")
    now, arrival_at, number = 0.0, expovariate(rate), 0
    while number < requests or finishes:
        finish_at = finishes[0][0] if finishes else float("inf")
        due_at = min(arrival_at, finish_at, poll_at)
        if due_at == poll_at and refresh_s:
            balancer.poll(poll_at, [len(queue) for queue in waiting])
            tick += 1
            poll_at = tick * refresh_s
        elif due_at == finish_at:
            now, node = heapq.heappop(finishes)
            request, _ = waiting[node].popleft()
            left_s[request] = now - arrived_at[request]
            complete(sender[request], node, 0, now, left_s[request], len(waiting[node]), uniform())
            if probes:
                balancer.record_latency(node, rif_met[request], left_s[request])
            if waiting[node]:
                heapq.heappush(finishes, (now + waiting[node][0][1], node))
        else:
            now = arrival_at
            arrived_at[number] = now
            sender[number] = int(uniform() * params.dispatchers)
            node = dispatch(sender[number], 0, [uniform() for _ in range(width)], number, now)
            rif_met[number] = len(waiting[node])
            work_s = expovariate(1.0)
            waiting[node].append((number, work_s))
            if len(waiting[node]) == 1:
                heapq.heappush(finishes, (now + work_s, node))
            if probes:
                for target in balancer.probe_targets(sender[number], 0, [uniform() for _ in range(probes)]):
                    rif = len(waiting[target])
                    latency_s = balancer.estimate_latency_s(target, rif)
                    balancer.probe_answer(sender[number], 0, target, now, rif, latency_s)
            number += 1
            arrival_at = now + expovariate(rate) if number < requests else float("inf")
    return left_s[requests // 5 :]


def mean_and_error(values: list[float], batches: int = 20) -> tuple[float, float]:
    """Mean and its standard error by batch means."""
    size = len(values) // batches
    means = [sum(values[at * size : (at + 1) * size]) / size for at in range(batches)]
    mean = sum(means) / batches
    return mean, (sum((value - mean) ** 2 for value in means) / (batches - 1) / batches) ** 0.5
