"""A run whose requests are not kept: the books hear of every request as it ends, and of who is open at the end.

Hooks in front of the plain engine and of the engine of attempts, so that a run which keeps its requests pays nothing.
A request is told before its end has consequences (a pull, a refusal of another): in the order in which requests end,
and those still open at the end by ordinal. Rows stay in the columns under SimPy; the compiled engine uses them again.
The nodes' busy time is read, changing nothing, at the instants that the books name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import CONTROL
from sim.types.records import OK, REJECTED, TRUNCATED, StreamTable
from sim.world.attempts import Several
from sim.world.engine import Engine
from sim.world.hot import make_answered
from sim.world.machines import WorldNode
from sim.world.pool import Pool
from sim.world.resilient import ResilientEngine

Answer = Callable[[int, int, float], None]  # (row, present, now)
NAN = float("nan")
BusyOf = Callable[[int, bool, float], NDArray[np.float64]]
SAMPLE_KEY = 1 << 16  # of the instants' control events: after the engine's own


class Stream(Protocol):
    """The books of a streamed run (`sim.measure.stream`), handed in since the world does not know them."""

    with_tokens: bool

    @property
    def sample_at(self) -> list[float]: ...
    def ended(
        self, arrived_at: float, started_at: float, finished_at: float, work_s: float, status: int, attempts: int
    ) -> None: ...
    def tokens(self, arrived_at: float, first_token_at: float, finished_at: float, output_tokens: int) -> None: ...
    def table(self, busy_s: NDArray[np.float64]) -> StreamTable: ...


def answer_told(columns: Any, stream: Stream, root: int, row: int, attempts: int) -> None:
    """Tell of a request that row `row` answered; `root` is its first."""
    arrived_at, finished_at = columns.arrived_at[root], columns.finished_at[row]
    stream.ended(arrived_at, columns.started_at[row], finished_at, columns.work_s[row], OK, attempts)
    if stream.with_tokens:
        stream.tokens(arrived_at, columns.first_token_at[row], finished_at, columns.output_tokens[row])


def stream_plain(engine: Engine, stream: Stream) -> None:
    """Put the books in front of an engine without attempts."""
    columns, answered, left = engine.columns, engine.answered, engine._left

    def tell_answer(row: int, pool: Pool, now: float) -> None:
        answer_told(columns, stream, row, row, 1)
        answered(row, pool, now)

    def tell_refusal(row: int, now: float) -> None:
        if columns.status[row] == REJECTED:
            stream.ended(columns.arrived_at[row], NAN, now, 0.0, REJECTED, 1)
        left(row, now)

    engine.answered = tell_answer  # type: ignore[method-assign]
    engine._left = tell_refusal  # type: ignore[method-assign]


def stream_attempts(engine: ResilientEngine, stream: Stream) -> None:
    """Put the books in front of an engine of attempts."""
    engine.answer = answers_told(engine, stream, engine.answer)
    engine.answered = make_answered(engine, engine.answer)  # type: ignore[method-assign, assignment]
    tell_ends(engine, stream)


def answers_told(engine: ResilientEngine, stream: Stream, answer: Answer) -> Answer:
    """`answer` of the engine, after the books have heard of it."""
    columns, several_of, root_of = engine.columns, engine.several, engine.root_of

    def tell_answer(row: int, present: int, now: float) -> None:
        columns.finished_at[row] = now
        root = root_of.get(row, row)
        several = several_of.get(root)
        answer_told(columns, stream, root, row, 1 if several is None else several.attempts)
        answer(row, present, now)

    return tell_answer


def tell_ends(engine: ResilientEngine, stream: Stream) -> None:
    """The books hear of every request that ends without an answer."""
    columns, over, end = engine.columns, engine._over, engine._end
    attempts_of_last = 1

    def count_attempts(root: int, several: Several | None, status: int, now: float) -> None:
        nonlocal attempts_of_last
        attempts_of_last = 1 if several is None else several.attempts
        over(root, several, status, now)

    def tell_end(root: int, status: int, now: float) -> None:
        nonlocal attempts_of_last
        attempts, attempts_of_last = attempts_of_last, 1
        stream.ended(columns.arrived_at[root], NAN, now, 0.0, status, attempts)
        end(root, status, now)

    engine._over = count_attempts  # type: ignore[method-assign]
    engine._end = tell_end  # type: ignore[method-assign]


def stream_open(engine: Any, columns: Any, stream: Stream, now: float) -> None:
    """Tell of the requests that are open when the run ends, by ordinal.

    One that waits for a retry ends as its last attempt did, as in a table.
    """
    request, arrived_at, started_at = columns.request, columns.arrived_at, columns.started_at
    several_of: Mapping[int, Several] = getattr(engine, "several", {})
    rows = np.asarray(columns.status) == TRUNCATED
    rows &= ~np.isnan(np.asarray(arrived_at))
    if columns.several:
        rows &= np.asarray(columns.attempt) == 0
    alone = [row for row in np.flatnonzero(rows).tolist() if row not in several_of]
    for row in sorted([*alone, *several_of], key=request.__getitem__):
        several = several_of.get(row)
        if several is None:
            stream.ended(arrived_at[row], started_at[row], now, 0.0, TRUNCATED, 1)
        else:
            status = TRUNCATED if several.open_rows else columns.status[several.last_row]
            stream.ended(arrived_at[row], NAN, now, 0.0, status, several.attempts)


class BusySamples:
    """Busy agent-seconds of every node until each of some instants.

    `busy_of` is how an engine whose pools are columns says it of all nodes at once; without, pool by pool.
    """

    def __init__(
        self, env: OrderedEnvironment, nodes: Mapping[str, WorldNode], shared: bool, busy_of: BusyOf | None = None
    ) -> None:
        self.env, self.nodes, self.shared, self.busy_of = env, nodes, shared, busy_of
        self.samples: list[Sequence[float] | NDArray[np.float64]] = []

    def start(self, instants: list[float]) -> None:
        """Read at these, the present or later."""
        for number, at in enumerate(instants):
            self.env.call_at(at, CONTROL, SAMPLE_KEY + number, self._read, None)

    def _read(self, _: None) -> None:
        self._sample(self.env.now)

    def _sample(self, now: float) -> None:
        if self.busy_of is not None:
            self.samples.append(self.busy_of(len(self.nodes), self.shared, now))
        else:
            self.samples.append([self._node_busy_s(node, now) for node in self.nodes.values()])

    def _node_busy_s(self, node: WorldNode, now: float) -> float:
        busy_s = 0.0
        for pool in node.pools.values():  # in the order of their making, one after the other (`engine_rules`)
            busy_s += self._busy_s(pool, now)
        return busy_s

    def _busy_s(self, pool: Any, now: float) -> float:
        """A pool's book and what its last event does not know yet; under sharing all that are present are served."""
        busy = min(pool.present, pool.agents) if self.shared else pool.in_service
        area_s: float = pool.area_busy_s + busy * (now - pool.last_at)
        return area_s

    def table(self, count: int, ended_at: float) -> NDArray[np.float64]:
        """Shape (count, nodes): nodes that came later were not busy before, and nothing is after the run's end."""
        while len(self.samples) < count:  # the last request had left at the horizon
            self._sample(ended_at)
        found = np.zeros((count, len(self.nodes)))
        for row, sample in enumerate(self.samples):
            found[row, : len(sample)] = sample
        return found
