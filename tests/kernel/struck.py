"""One script of arrivals and strikes, played on the world's pools and on the kernel's; what both left, bit by bit."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.bench.compiled_pools import COMPILED_POOLS
from sim.kernel.columns import KernelColumns
from sim.kernel.commands import HEAP_ROOM, ROOM_MIN, Commands, have_pools
from sim.kernel.heaps import heaps_steps
from sim.kernel.queue import Queue, queue_least, queue_room, queue_take, spread_anew
from sim.kernel.state import INF, NEXT_ROW, NUMBERS, Batch, Heaps, Kernel, Pools, Rows, Uses
from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import ARRIVAL, FAULT, FINISH
from sim.types.records import TIMED_OUT, TRUNCATED
from sim.world.columns import Columns
from sim.world.fragile import Fragile
from sim.world.fragile_fifo import FragileFifo
from sim.world.fragile_sharing import FragileSharing, fragile_batching
from sim.world.pool import PoolPlace
from tests.kernel.plainly import plainly
from tests.world.scripted import ScriptedTokens

NAN = float("nan")
POOLS, ROWS, END_AT = 2, 60, 40.0
QUEUE_ROOM = 10  # events; it grows on the way
BOOKS = ("agents", "assigned", "arrived", "answered", "refused", "dropped", "present", "in_service", "crashes_count",
         "lost_agents", "last_at", "area_present_s", "area_busy_s", "area_work_s", "work_done_s", "partial_work_s",
         "speed", "down", "paused")  # fmt: skip
SEEN = ("placed_at", "started_at", "left_at", "first_token_at")
LAW = ScriptedTokens([])


@dataclass
class Script:
    """Requests of every row, and what happens when: (instant, rank, order, what, pool, number)."""

    discipline: str
    seed: int
    drops_expired: bool = False
    work_s: list[float] = field(default_factory=list)
    tokens: list[tuple[int, int]] = field(default_factory=list)
    acts: list[tuple[float, int, int, str, int, float]] = field(default_factory=list)
    agents: list[int] = field(default_factory=list)
    queue_max: int = 0


def drawn(discipline: str, seed: int) -> Script:
    """A script; half of the instants and demands are round, so that much happens at once."""
    dice = random.Random(f"{discipline} {seed}")

    def some(high: float) -> float:
        return dice.choice([dice.randrange(int(4 * high)) / 4.0, dice.uniform(0.0, high)])

    script = Script(discipline, seed, dice.random() < 0.5)
    script.agents = [dice.randrange(1, 4) for _ in range(POOLS)]
    script.queue_max = dice.choice([0, 2, 50])
    for row in range(ROWS):
        script.work_s.append(0.0 if discipline == "batching" else dice.choice([0.25, 1.0, dice.expovariate(0.7)]))
        script.tokens.append((dice.randrange(1, 9), dice.randrange(1, 9)))
        script.acts.append((some(20.0), ARRIVAL, row, "arrive", dice.randrange(POOLS), row))
    words = ["cancel", "give up", "pause", "resume", "slow", "crash", "restore", "lose", "regain", "assign", "resign"]
    for order in range(dice.choice([4, 12, 40])):
        number = float(dice.choice([0.25, 0.5, 1.0, 1.0, 3.0]) if order % 2 else dice.randrange(ROWS))
        script.acts.append((some(24.0), FAULT, order, dice.choice(words), dice.randrange(POOLS), number))
    return script


def world_pools(script: Script, env: OrderedEnvironment, told: Any) -> tuple[Any, list[Fragile]]:
    """Columns with all rows, and the pools."""
    columns = Columns(tokens=script.discipline == "batching", several=True)
    columns.extend([row // 2 for row in range(ROWS)], [0.0] * ROWS)
    columns.attempt[:] = type(columns.attempt)("h", [row % 2 for row in range(ROWS)])
    columns.work_s.extend(script.work_s)
    columns.prompt_tokens.extend(prompt for prompt, _ in script.tokens)
    columns.output_tokens.extend(output for _, output in script.tokens)
    make: Any = {"fifo": FragileFifo, "sharing": FragileSharing, "batching": fragile_batching(LAW)}[script.discipline]
    return columns, [make(PoolPlace(p, 0, 1.0 + p, script.queue_max), columns, env, told) for p in range(POOLS)]


class PlainDriver:
    """What `Commands` asks of the driver of a kernel, without a compiler; `address` is the kernel itself."""

    def __init__(self, k: Kernel, bound: dict[str, Any]) -> None:
        self.k, self.bound, self.address = k, bound, k

    def entry(self, fn: Any, *_: Any) -> Any:
        return plainly(fn, self.bound)

    def grow(self) -> None:
        k = self.k
        if queue_room(k.queue) < ROOM_MIN:
            k.queue = k.queue.grown()
            spread_anew(k.queue, 0.0)
        while not heaps_steps(k.heaps):
            k.heaps = k.heaps.grown()


def kernel_pools(script: Script, env: OrderedEnvironment, told: Any) -> tuple[Any, list[Any]]:
    """The same over the kernel's columns, which run uncompiled here."""
    k, batching = Kernel(), script.discipline == "batching"
    k.uses = Uses(fragile=True, drops=script.drops_expired, sharing=script.discipline == "sharing", tokens=batching)
    k.rows, k.pools, k.queue = Rows(ROWS, k.uses), Pools(1, POOLS, True), Queue(QUEUE_ROOM, 1.0)
    k.heaps, k.batch, k.hardware = Heaps(2 if batching else 1, HEAP_ROOM), Batch(1), None
    k.numbers = np.zeros(NUMBERS, dtype=np.int64)
    k.numbers[NEXT_ROW] = ROWS
    rows = k.rows
    rows.request[:], rows.attempt[:] = np.arange(ROWS) // 2, np.arange(ROWS) % 2
    rows.status[:], rows.work_s[:] = TRUNCATED, script.work_s
    rows.armed[:], rows.link[:] = 0, -1
    for name in SEEN:
        getattr(rows, name)[:] = NAN
    if batching:
        rows.prompt_tokens[:] = [prompt for prompt, _ in script.tokens]
        rows.output_tokens[:] = [output for _, output in script.tokens]
    bound: dict[str, Any] = {"FRAGILE": True, "SHARING": bool(k.uses.sharing), "BATCHING": batching}
    bound |= {"prefill_seconds": lambda _, prompt: LAW.prefill_s(prompt)}
    bound |= {"token_seconds": lambda _, batch, context: LAW.token_s(batch, context)}
    commands = Commands(PlainDriver(k, bound))
    columns, pools = KernelColumns(k, False), []
    for p in range(POOLS):
        assert len(have_pools(k, p + 1)) == 3 * p  # the second comes under load
        pool = COMPILED_POOLS[script.discipline](k, p, PoolPlace(p, 0, 1.0 + p, script.queue_max))
        pool.connect(commands, columns, env, told)
        pools.append(pool)
    return columns, pools


def played(script: Script, compiled: bool, rooms: list[int] | None = None) -> dict[str, Any]:
    """Everything that the rows and books say at the end, floats as they print; `rooms` gets the event list's."""
    env, heard, steps = OrderedEnvironment(), [], []

    def told(row: int, pool: Any, now: float) -> None:
        heard.append((row, pool.node, now, pool.present))

    columns, pools = (kernel_pools if compiled else world_pools)(script, env, told)
    for pool, agents in zip(pools, script.agents, strict=True):
        pool.arm(script.drops_expired, lambda *step: steps.append(step))
        pool.assign(agents, 0.0)

    def act(each: tuple[float, int, int, str, int, float]) -> None:
        happen(each[3], pools[each[4]], each[5], columns, env.now, heard, lambda row: pools[went[row]])

    went = {int(each[5]): each[4] for each in script.acts if each[3] == "arrive"}
    for each in script.acts:
        env.call_at(*each[:3], act, each)
    if compiled:
        advance(pools, columns, env)
        if rooms is not None:
            rooms.append(len(pools[0].k.queue.at))
    else:
        env.run(END_AT)
    names = SEEN if script.discipline == "batching" else SEEN[:-1]
    seen = {name: columns_of(columns, name) for name in names}
    books = {f"{name} of {pool.node}": repr(getattr(pool, name)) for pool in pools for name in BOOKS}
    left = [repr(pool.close(END_AT, [])) for pool in pools]
    return {**seen, **books, "heard": repr(heard), "steps": repr(steps), "left": left}


def columns_of(columns: Any, name: str) -> list[str]:
    """A column, as it prints."""
    return [repr(float(value)) for value in getattr(columns, name)]


def happen(what: str, pool: Any, number: float, columns: Any, now: float, heard: list[Any], place: Any) -> None:
    """One act of the script; one that the injector or the engine would not do is left out, on both sides alike."""
    row = int(number)
    here = columns.placed_at[row] <= now and columns.left_at[row] != columns.left_at[row] if row < ROWS else False
    if what == "arrive":
        columns.node[row] = pool.node
        if not pool.down and not pool.accept(row, now):
            heard.append((row, pool.node, now, "refused"))
    elif what == "cancel":
        if here:
            place(row).cancel(row, now)
    elif what == "give up":
        columns.status[row] = TIMED_OUT
    elif what == "pause" and not pool.paused:
        pool.pause(now)
    elif what == "resume" and pool.paused:
        pool.resume(now)
    elif what == "slow":
        pool.set_speed_factor(number if 0.0 < number < 5.0 else 0.5, now)
    elif what == "crash" and not pool.down:
        heard.append(("lost", pool.crash(now), now))
    elif what == "restore" and pool.down:
        pool.restore(now)
    elif what == "lose":
        pool.lose_agent(now)
    elif what == "regain":
        pool.regain_agent(now)
    elif what in ("assign", "resign") and pool.assigned + (what == "assign") > 0:
        pool.assign(1 if what == "assign" else -1, now)


def advance(pools: list[Any], columns: Any, env: OrderedEnvironment) -> None:
    """The kernel's loop, by hand: the event list's first, or the environment's."""
    k = pools[0].k
    while True:
        node = queue_least(k.queue, k.rows.request, k.rows.attempt)
        at, rank = env.head()
        if node >= 0 and (float(k.queue.at[node]), FINISH) < (at, rank):
            env.now = float(k.queue.at[node])
            if env.now >= END_AT:
                return
            row, p, serial = int(k.queue.row[node]), int(k.queue.pool[node]), int(k.queue.serial[node])
            queue_take(k.queue)
            pools[p].happens(row, serial, env.now)
        elif at < INF:
            env.step()
        else:
            return
