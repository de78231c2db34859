"""What a chunk of requests is told ahead, and what the books of a streamed run are told behind: loops of their own.

The draws of a chunk's picks come together (Philox over several counters at once), and ends are told `ENDS_MAX` at a
time in the order in which they came: between the events of a fleet each would cost several times as much.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.state import CHUNK_END, CHUNK_FIRST, ENDED, ENDS_MAX, PICKED
from sim.runtime.draws import PICK
from sim.runtime.plain import draw_pair, draw_row, rare

CLIENTS = False  # bound before compiling: their requests are not consecutive


def stream_ended(
    books: Any, arrived_at: float, started_at: float, finished_at: float, work_s: float, status: int, attempts: int
) -> None:
    """Bound to the rule of a run whose requests are not kept."""


@rare
def draw_picks(k: Any) -> None:
    """The draws of every pick of the chunk, unless they are there."""
    numbers, chunk = k.numbers, k.chunk
    if CLIENTS or numbers[PICKED] == 1:
        return
    numbers[PICKED] = 1
    length, drawn = len(chunk.at), chunk.drawn
    entity, count = numbers[CHUNK_FIRST], numbers[CHUNK_END]
    for pair in range((k.draws_count + 1) >> 1):
        even = 2 * pair * length
        for place in range(count):
            first, second = draw_pair(k.chance, PICK, entity + place, 0, pair)
            drawn[even + place] = first
            drawn[even + length + place] = second


def take_picks(k: Any, place: int, entity: int) -> None:
    """The draws of the pick of request number `place` of the chunk, into `draws`."""
    if CLIENTS:
        draw_row(k.chance, PICK, entity, 0, k.draws_count, k.draws)
        return
    chunk = k.chunk
    for number in range(k.draws_count):
        k.draws[number] = chunk.drawn[number * len(chunk.at) + place]


def tell_ended(
    k: Any, arrived_at: float, started_at: float, finished_at: float, work_s: float, status: int, attempts: int
) -> None:
    """A request has ended, as `stream_ended` wants to know it."""
    ends, place = k.ends, k.numbers[ENDED]
    ends.arrived_at[place] = arrived_at
    ends.started_at[place] = started_at
    ends.finished_at[place] = finished_at
    ends.work_s[place] = work_s
    ends.status[place] = status
    ends.attempts[place] = attempts
    k.numbers[ENDED] = place + 1
    if place + 1 == ENDS_MAX:
        tell_all(k)


@rare
def tell_all(k: Any) -> None:
    """Tell the books of all who have ended."""
    ends = k.ends
    for place in range(k.numbers[ENDED]):
        stream_ended(
            k.stream, ends.arrived_at[place], ends.started_at[place], ends.finished_at[place], ends.work_s[place],
            int(ends.status[place]), int(ends.attempts[place]),
        )  # fmt: skip
    k.numbers[ENDED] = 0
