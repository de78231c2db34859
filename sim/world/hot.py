"""The way of a request that nothing happens to, through the engine of attempts: closures over columns.

Every request passes here, so that what is an attribute elsewhere is a cell of a closure. The same steps as in
`resilient` and `again`, which take over as soon as anything is not plain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.types.records import FAILED, OK, REJECTED, SHED, TRUNCATED
from sim.world.feed import Block
from sim.world.fragile import Fragile
from sim.world.seam import RequestRules

Send = Callable[[Block, int, int, float], None]


def make_send(engine: Any, rules: RequestRules) -> Send:
    """`send(block, index, row, now)`: route request `index` of a block, whose row is `row`."""
    columns, network, pools = engine.columns, engine.network, engine.pools
    node, slot_of, pool_type, rif_at_arrival = columns.node, columns.slot, columns.pool_type, columns.rif_at_arrival
    dispatch, plain, sent = engine.balancer.dispatch, engine.balancer.probes_count == 0, rules.on_sent
    admit = None if rules.admission is None else rules.admission.admit
    fresh = rules.budget.fresh if rules.budget.counts_fresh else None
    failed, travel = engine._failed, engine._travel
    has_deadlines = engine.deadlines is not None

    def send(block: Block, index: int, row: int, now: float) -> None:
        engine.arrivals_count += 1
        in_system = engine.in_system
        engine.in_system = in_system + 1
        if admit is not None:
            draw = block.admissions[index] if block.admissions is not None else 0.0
            if not admit(columns.priority[row], in_system, draw, now):
                columns.finished_at[row] = now
                columns.status[row] = SHED
                engine._end(row, SHED, now)
                return
        if fresh is not None:
            fresh()
        if not block.in_order:
            if has_deadlines:
                engine.deadlines.add(row, now)
            probes = None if block.probes is None else block.probes[index]
            engine._dispatch_row(row, block.picks[index], probes, now)
            return
        dispatcher = 0 if block.dispatchers is None else block.dispatchers[index]
        view = 0 if block.views is None else block.views[index]
        slot = dispatch(dispatcher, view, block.picks[index], block.keys[index], now)
        if slot < 0:
            probes = None if block.probes is None else block.probes[index]
            engine._wait(row, block.picks[index], probes, now)
            return
        pool = pools[slot]
        node[row] = pool.node
        slot_of[row] = slot
        if pool.agent_type:
            pool_type[row] = pool.agent_type
        if not plain:
            rif_at_arrival[row] = pool.present
        if sent is not None:
            sent(slot, now)
        if network.plain and not pool.down:
            if not pool.accept(row, now):
                failed(row, REJECTED, now)
        else:
            travel(row, pool, now)
        if not plain:
            engine._probe(row, dispatcher, view, block.probes[index], now)  # type: ignore[index]

    return send


def make_answered(engine: Any, answer: Callable[[int, int, float], None]) -> Callable[[int, Fragile, float], None]:
    """`answered(row, pool, now)`: a pool has served an attempt; whether its client hears of it is another matter."""
    status, network, chances, poke = engine.columns.status, engine.network, engine.chances, engine._poke

    def answered(row: int, pool: Fragile, now: float) -> None:
        struck = chances.any and chances.strikes(row, pool, now)
        if status[row] != TRUNCATED:
            engine.late_count += 1
        elif network.plain and not struck:
            answer(row, pool.present, now)
        else:
            engine._say(row, pool, FAILED if struck else OK)
        if poke is not None and not pool.present:
            poke()

    return answered


def make_answer(engine: Any, rules: RequestRules) -> Callable[[int, int, float], None]:
    """`answer(row, present, now)`: the client has its answer, the request ends."""
    columns, pools, balancer = engine.columns, engine.pools, engine.balancer
    finished_at, status, slot_of, arrived_at = columns.finished_at, columns.status, columns.slot, columns.arrived_at
    dispatcher, idle_draw, rif_at_arrival = columns.dispatcher, columns.idle_draw, columns.rif_at_arrival
    draws_idle, plain, complete = balancer.needs_completion_draw, balancer.probes_count == 0, balancer.complete
    hears, heard, learns = bool(getattr(rules.outcomes, "hears", True)), rules.outcomes.ok, engine._learns
    sent_later, several_of, root_of, ended = engine._sent_at, engine.several, engine.root_of, engine.ended_counts

    def answer(row: int, present: int, now: float) -> None:
        finished_at[row] = now
        status[row] = OK
        slot = slot_of[row]
        sent_at = arrived_at[row]
        if sent_later:
            sent_at = sent_later.pop(row, sent_at)
        draw = idle_draw[row] if draws_idle else 0.0
        complete(dispatcher[row], slot, pools[slot].generation, now, now - sent_at, present, draw)
        if not plain:
            balancer.record_latency(slot, rif_at_arrival[row], now - sent_at)
        if hears:
            heard(slot, now)
        root = row
        if several_of:
            root = root_of.pop(row, row)
            several = several_of.pop(root, None)
            if several is not None:
                engine._outrun(several, row, now)
        ended[OK] += 1
        if learns is not None:
            learns(True, now)
        if engine.waiting_count:
            engine.pull(now)
        if engine.closed or engine.on_left is not None:
            engine._left(root, now)
        else:
            engine.in_system -= 1

    return answer
