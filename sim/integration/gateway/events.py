"""The event stream: every control event with its reason, to whoever may read and subscribes.

`EventHub` is an `EventSink` in front of another one. A subscriber that is `queue_max` events behind loses the newer
ones and is told how many; nobody else waits for it. A key that is revoked ends its streams at the next message.
With a status to tell, a stream begins with it and with the newest past events, and tells it again every `STATUS_S`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.contracts import EventSink, Queue, Runtime
from sim.integration.gateway.redact import redact
from sim.integration.gateway.sockets import POLICY, Connection, SocketClosed

PAST_MAX = 300  # events that a status stream begins with
STATUS_S = 2.0
_TICK: Any = object()


class Subscription:
    """One reader's queue."""

    def __init__(self, queue: Queue[Any]) -> None:
        self.queue = queue
        self.lost_count = 0
        self.over = False

    def offer(self, event: dict[str, Any]) -> None:
        """One more event, or one more lost."""
        if not self.queue.put_nowait(event):
            self.lost_count += 1

    def end(self) -> None:
        """The reader is gone: wake who waits for it."""
        self.over = True
        self.queue.put_nowait(None)

    async def tick(self, runtime: Runtime) -> None:
        """Ask for the status again and again; a queue that is full has enough to tell."""
        while True:
            await runtime.sleep(STATUS_S)
            self.queue.put_nowait(_TICK)


class EventHub:
    """Writes on to `sink` (None: nowhere) and to all subscribers; implements `sim.contracts.EventSink`."""

    def __init__(self, sink: EventSink | None = None) -> None:
        self.sink = sink
        self.subscriptions: dict[int, Subscription] = {}
        self._past: deque[tuple[float, str, str, dict[str, object]]] = deque(maxlen=PAST_MAX)
        self.heard: Callable[[str, str, dict[str, object]], None] | None = None  # told of every event at its instant
        self._count = 0

    def write(self, at: float, kind: str, subject: str, /, **fields: object) -> None:
        """One event."""
        if self.sink is not None:
            self.sink.write(at, kind, subject, **fields)
        self._past.append((at, kind, subject, fields))
        if self.heard is not None:
            self.heard(kind, subject, fields)
        if self.subscriptions:
            event = _told(at, kind, subject, fields)
            for subscription in self.subscriptions.values():
                subscription.offer(event)

    async def stream(
        self, connection: Connection, runtime: Runtime, queue_max: int, is_live: Callable[[str], bool],
        status: Callable[[], dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """Send events until the reader goes or its key is no longer live."""
        self._count += 1
        number = self._count
        subscription = self.subscriptions[number] = Subscription(runtime.queue(queue_max))
        helpers = [runtime.spawn(_read(connection, subscription), f"event stream {number}")]
        past = [] if status is None else list(self._past)
        try:
            if status is not None:
                helpers.append(runtime.spawn(subscription.tick(runtime), f"status of stream {number}"))
                await connection.send_json(_status(runtime, status))
            for one in past:
                await connection.send_json({**_told(*one), "past": True})
            while True:
                event = await subscription.queue.get()
                if subscription.over:
                    return
                if connection.principal is not None and not is_live(connection.principal.key_id):
                    await connection.close(POLICY)
                    return
                if event is _TICK:
                    assert status is not None
                    event = _status(runtime, status)
                await connection.send_json(event)
                if subscription.lost_count:
                    lost, subscription.lost_count = subscription.lost_count, 0
                    await connection.send_json({"kind": "events_lost", "count": lost})
        finally:
            del self.subscriptions[number]
            for helper in helpers:
                helper.cancel()


def _status(runtime: Runtime, status: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return {"at": runtime.now(), "kind": "status", "fields": status()}


async def _read(connection: Connection, subscription: Subscription) -> None:
    """Nothing that a reader says matters but that it goes."""
    try:
        while True:
            await connection.receive_text()
    except SocketClosed:
        subscription.end()


def _told(at: float, kind: str, subject: str, fields: dict[str, object]) -> dict[str, Any]:
    told = {name: _plain(value) for name, value in sorted(fields.items())}
    return {"at": at, "kind": kind, "subject": redact(subject), "fields": told}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return redact(str(value))
