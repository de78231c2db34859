"""Whole frames between the host and one worker, each wait within what is left of a call's wall time.

The host never waits for a worker longer than that, never holds more than one frame of it, and believes only what
decodes. Waiting is the runtime's: live it gives up the loop, on virtual time it stands still. Giving up the loop costs
more than most hooks take (a selector's two calls, a timer and a future), so that the first `INLINE_S` of a wait hold
it, unless the wait before took longer: a plugin that burns the processor holds the loop once and not again.
"""

from __future__ import annotations

import socket

from sim.contracts import Runtime
from sim.integration.plugins.runners import frames
from sim.runtime.readiness import poll_for

READ_BYTES = 1 << 16
INLINE_S = 0.001


class WireEnd(Exception):
    """The exchange is over; `why` is `deadline`, `protocol` or `exit`."""

    def __init__(self, why: str, text: str = "") -> None:
        super().__init__(why, text)
        self.why, self.text = why, text


class Wire:
    """One socket of a worker; `left_s` is what is left of the call under way."""

    def __init__(self, runtime: Runtime, end: socket.socket, frame_max_bytes: int) -> None:
        self._runtime, self._end = runtime, end
        self._fd = end.fileno()
        self._frames = frames.Assembler(frame_max_bytes)
        self.left_s = 0.0
        self._quick = True  # the last wait was a short one

    def begin(self, within_s: float) -> None:
        """A call may take this long."""
        self.left_s = within_s

    async def send(self, data: bytes) -> None:
        """Write all of it; raises WireEnd."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._end.send(view) :]
            except BlockingIOError:
                await self._wait(writing=True)
            except OSError:
                raise WireEnd("exit") from None

    async def receive(self) -> frames.ToHost:
        """The next frame; raises WireEnd."""
        try:
            while (body := self._frames.take()) is None:
                await self._wait(writing=False)
                self._frames.add(self._read())
            return frames.of_worker(body)
        except frames.FrameError as error:
            raise WireEnd("protocol", str(error)) from None

    def idle(self) -> bool:
        """True when nothing came that nobody asked for."""
        return len(self._frames) == 0

    def _read(self) -> bytes:
        try:
            data = self._end.recv(READ_BYTES)
        except BlockingIOError:  # a wait that ended early
            return b""
        except OSError:
            raise WireEnd("exit") from None
        if not data:
            raise WireEnd("exit")
        return data

    async def _wait(self, writing: bool) -> None:
        within_s = self.left_s
        if self._quick:
            inline_s = min(INLINE_S, within_s)
            left_s = poll_for(self._fd, inline_s, writing)
            if left_s >= 0.0:
                self.left_s -= inline_s - left_s
                return
            within_s -= inline_s
        self.left_s = await self._runtime.ready(self._fd, within_s, writing)
        self._quick = within_s - self.left_s < INLINE_S and not self._quick
        if self.left_s < 0.0:
            raise WireEnd("deadline")
