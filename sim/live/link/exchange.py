"""Questions and answers over a channel: each question has a number, its answer names it.

At most `asks_max` questions are open; when the channel ends every one of them fails, at once. An answer to a question
that nobody asks any more (it timed out, or was asked by an earlier connection) is counted and dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sim.live.link.frames import Channel, Message

Heard = Callable[[Message], Awaitable[None] | None]


class Exchange:
    """One side of a channel. `pump` must run for answers to come."""

    def __init__(self, channel: Channel, asks_max: int = 100_000) -> None:
        self.channel, self.asks_max = channel, asks_max
        self.late_count = 0
        self.ended = asyncio.Event()
        self._open: dict[int, asyncio.Future[Message]] = {}
        self._asked = 0

    async def ask(self, op: str, within_s: float | None, **fields: object) -> Message:
        """The answer, which may hold an `error`; raises ConnectionError, TimeoutError."""
        if self.ended.is_set():
            raise ConnectionError("the connection ended")
        if len(self._open) >= self.asks_max:
            raise ConnectionError(f"{self.asks_max} questions are open")
        self._asked += 1
        number = self._asked
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._open[number] = future
        try:
            async with asyncio.timeout(within_s):
                await self.channel.send({"op": op, "n": number, **fields})
                return await future
        finally:
            if self._open.pop(number, None) is not None and not self.channel.closed:
                self.channel.post({"op": "cancel", "of": number})  # nobody waits for it any more

    async def tell(self, op: str, **fields: object) -> None:
        """A message that nobody answers; raises ConnectionError."""
        await self.channel.send({"op": op, **fields})

    async def answer(self, number: int, **fields: object) -> None:
        """Answer question `number`; raises ConnectionError."""
        await self.channel.send({"re": number, **fields})

    async def pump(self, heard: Heard) -> str:
        """Hand on what comes until the channel ends; gives why it did. `heard` must not wait for an answer itself."""
        reason = "closed"
        try:
            while True:
                message = await self.channel.receive()
                if "re" not in message:
                    waits = heard(message)
                    if waits is not None:
                        await waits
                    continue
                future = self._open.pop(message["re"], None) if isinstance(message["re"], int) else None
                if future is None or future.done():
                    self.late_count += 1
                else:
                    future.set_result(message)
        except ConnectionError as error:
            reason = str(error) or type(error).__name__
        finally:
            self.close()
        return reason

    def close(self) -> None:
        """End the channel; every open question fails. Again does nothing."""
        self.ended.set()
        self.channel.close()
        for future in self._open.values():
            if not future.done():
                future.set_exception(ConnectionError("the connection ended before the answer"))
        self._open.clear()
