"""The event stream: every control event with its reason, to whoever may read and subscribes.

`EventHub` is an `EventSink` in front of another one. A subscriber that is `queue_max` events behind loses the newer
ones and is told how many; nobody else waits for it. A key that is revoked ends its streams at the next event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.contracts import EventSink, Queue, Runtime
from sim.integration.gateway.redact import redact
from sim.integration.gateway.sockets import POLICY, Connection, SocketClosed


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


class EventHub:
    """Writes on to `sink` (None: nowhere) and to all subscribers; implements `sim.contracts.EventSink`."""

    def __init__(self, sink: EventSink | None = None) -> None:
        self.sink = sink
        self.subscriptions: dict[int, Subscription] = {}
        self._count = 0

    def write(self, at: float, kind: str, subject: str, /, **fields: object) -> None:
        """One event."""
        if self.sink is not None:
            self.sink.write(at, kind, subject, **fields)
        if self.subscriptions:
            told = {name: _plain(value) for name, value in sorted(fields.items())}
            event = {"at": at, "kind": kind, "subject": redact(subject), "fields": told}
            for subscription in self.subscriptions.values():
                subscription.offer(event)

    async def stream(
        self, connection: Connection, runtime: Runtime, queue_max: int, is_live: Callable[[str], bool]
    ) -> None:
        """Send events until the reader goes or its key is no longer live."""
        self._count += 1
        number = self._count
        subscription = self.subscriptions[number] = Subscription(runtime.queue(queue_max))
        reader = runtime.spawn(_read(connection, subscription), f"event stream {number}")
        try:
            while True:
                event = await subscription.queue.get()
                if subscription.over:
                    return
                if connection.principal is not None and not is_live(connection.principal.key_id):
                    await connection.close(POLICY)
                    return
                await connection.send_json(event)
                if subscription.lost_count:
                    lost, subscription.lost_count = subscription.lost_count, 0
                    await connection.send_json({"kind": "events_lost", "count": lost})
        finally:
            del self.subscriptions[number]
            reader.cancel()


async def _read(connection: Connection, subscription: Subscription) -> None:
    """Nothing that a reader says matters but that it goes."""
    try:
        while True:
            await connection.receive_text()
    except SocketClosed:
        subscription.end()


def _plain(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return redact(str(value))
