"""Binary heaps of (tag, request, attempt) in one arena: those that share a node, by what they have left.

Heap h lies in `tag[start[h] : start[h] + room[h]]`; one that is full moves to the arena's end with twice the room.
`widest` is the largest room of all, so that the driver enlarges the arena in time.
"""

from __future__ import annotations

from typing import Any

STEPS_MIN = 32


def heap_before(heaps: Any, place: int, tag: float, row: int, rows: Any) -> bool:
    """Whether what lies at `place` comes before (tag, row)."""
    other = heaps.tag[place]
    if other != tag:
        return other < tag
    mine = heaps.row[place]
    if rows.request[mine] != rows.request[row]:
        return rows.request[mine] < rows.request[row]
    return rows.attempt[mine] < rows.attempt[row]


def heap_push(heaps: Any, h: int, tag: float, row: int, rows: Any) -> None:
    """A new entry; the arena has room (see `heaps_room`)."""
    count = heaps.count[h]
    if count == heaps.room[h]:
        heap_move(heaps, h)
    start = heaps.start[h]
    heaps.count[h] = count + 1
    place = count
    while place > 0:
        above = (place - 1) >> 1
        if heap_before(heaps, start + above, tag, row, rows):
            break
        heaps.tag[start + place] = heaps.tag[start + above]
        heaps.row[start + place] = heaps.row[start + above]
        place = above
    heaps.tag[start + place] = tag
    heaps.row[start + place] = row


def heap_move(heaps: Any, h: int) -> None:
    """Twice the room, at the end of the arena."""
    start, room, to = heaps.start[h], heaps.room[h], heaps.used[0]
    for place in range(room):
        heaps.tag[to + place] = heaps.tag[start + place]
        heaps.row[to + place] = heaps.row[start + place]
    heaps.start[h] = to
    heaps.room[h] = 2 * room
    if 2 * room > heaps.widest[0]:
        heaps.widest[0] = 2 * room
    heaps.used[0] = to + 2 * room


def heap_pop(heaps: Any, h: int, rows: Any) -> int:
    """Take the first entry out; gives its row."""
    start = heaps.start[h]
    first = heaps.row[start]
    count = heaps.count[h] - 1
    heaps.count[h] = count
    if count > 0:
        tag, row = heaps.tag[start + count], heaps.row[start + count]
        place = 0
        while True:
            below = 2 * place + 1
            if below >= count:
                break
            if below + 1 < count and heap_before(
                heaps, start + below + 1, heaps.tag[start + below], heaps.row[start + below], rows
            ):
                below += 1
            if not heap_before(heaps, start + below, tag, row, rows):
                break
            heaps.tag[start + place] = heaps.tag[start + below]
            heaps.row[start + place] = heaps.row[start + below]
            place = below
        heaps.tag[start + place] = tag
        heaps.row[start + place] = row
    return first


def heap_remove(heaps: Any, h: int, row: int, rows: Any) -> float:
    """Take a row out wherever it lies; gives its tag, -1 if it is not there."""
    start, last = heaps.start[h], heaps.count[h] - 1
    place = 0
    while place <= last and heaps.row[start + place] != row:
        place += 1
    if place > last:
        return -1.0
    tag = heaps.tag[start + place]
    while place > 0:  # as if it came first
        above = (place - 1) >> 1
        heaps.tag[start + place] = heaps.tag[start + above]
        heaps.row[start + place] = heaps.row[start + above]
        place = above
    heaps.tag[start] = tag
    heaps.row[start] = row
    heap_pop(heaps, h, rows)
    return tag


def heaps_steps(heaps: Any) -> int:
    """How many steps of two pushes each the arena surely holds; 0 when it must grow first.

    Each push may move a heap, which takes twice its room; within half of the widest room none doubles twice.
    """
    room = (len(heaps.tag) - heaps.used[0]) // (8 * heaps.widest[0])
    if room < STEPS_MIN:
        return 0
    return min(room, heaps.widest[0] >> 1)
