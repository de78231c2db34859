"""Messages on a stream: length (4 bytes, big endian), seal (16 bytes), then so many bytes of JSON.

The seal is blake2b over direction, serial and text under a key that both sides made in their handshake, so that a frame
which was changed, left out, repeated or turned round is noticed, and ends the connection. Whatever goes wrong is a
ConnectionError: the other side is then not believed any more. Every length is capped and every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

MESSAGE_BYTES_MAX = 2_097_152
GREETING_BYTES_MAX = 4_096
SEND_S = 10.0  # that the other side may take to read when the buffers are full
SEAL_BYTES = 16
LENGTH_BYTES = 4

Message = dict[str, Any]


class Channel:
    """One connection after its handshake. `send` may be called by several tasks, `receive` by one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key_out: bytes, key_in: bytes
    ) -> None:
        self._reader, self._writer = reader, writer
        self._key_out, self._key_in = key_out, key_in
        self._sent = self._received = 0
        self.closed = False

    async def send(self, message: Message) -> None:
        """Hand a message over; raises ConnectionError, and ValueError for one that is too long or no JSON."""
        self.post(message)
        try:
            async with asyncio.timeout(SEND_S):
                await self._writer.drain()
        except (TimeoutError, OSError) as error:
            self.close()
            raise ConnectionError(f"the other side does not read: {type(error).__name__}") from error

    def post(self, message: Message) -> None:
        """As `send`, without waiting for room in the buffers."""
        text = encoded(message, MESSAGE_BYTES_MAX)
        if self.closed:
            raise ConnectionError("the connection is closed")
        seal = sealed(self._key_out, self._sent, text)
        self._sent += 1
        self._writer.write(len(text).to_bytes(LENGTH_BYTES, "big") + seal + text)

    async def receive(self) -> Message:
        """The next message; raises ConnectionError at the end, and for a frame that is not the next one."""
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            if length > MESSAGE_BYTES_MAX:
                raise ConnectionError(f"a message of {length} bytes, over {MESSAGE_BYTES_MAX}")
            seal = await self._reader.readexactly(SEAL_BYTES)
            text = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            self.close()
            raise error if type(error) is ConnectionError else ConnectionError("the connection ended") from error
        if not hmac.compare_digest(seal, sealed(self._key_in, self._received, text)):
            self.close()
            raise ConnectionError("a frame whose seal is wrong")
        self._received += 1
        try:
            return decoded(text)
        except ConnectionError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; again does nothing."""
        if not self.closed:
            self.closed = True
            self._writer.close()


def sealed(key: bytes, serial: int, text: bytes) -> bytes:
    """The seal of the frame of a serial."""
    return hashlib.blake2b(serial.to_bytes(8, "big") + text, key=key, digest_size=SEAL_BYTES).digest()


def encoded(message: Message, bytes_max: int) -> bytes:
    """A message as JSON; raises ValueError for one that is too long, TypeError for what is no JSON."""
    text = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > bytes_max:
        raise ValueError(f"a message of {len(text)} bytes: accepted are {bytes_max}")
    return text


def decoded(text: bytes) -> Message:
    """The message of a text; raises ConnectionError for one that is no JSON object."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConnectionError("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise ConnectionError("a message that is no JSON object")
    return message


async def write_greeting(writer: asyncio.StreamWriter, message: Message) -> bytes:
    """A short message before there is a key; gives its text."""
    text = encoded(message, GREETING_BYTES_MAX)
    writer.write(len(text).to_bytes(LENGTH_BYTES, "big") + text)
    await writer.drain()
    return text


async def read_greeting(reader: asyncio.StreamReader) -> tuple[Message, bytes]:
    """A short message before there is a key, and its text; raises ConnectionError."""
    try:
        length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
        if length > GREETING_BYTES_MAX:
            raise ConnectionError(f"a greeting of {length} bytes, over {GREETING_BYTES_MAX}")
        text = await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the connection ended during the handshake") from error
    return decoded(text), text
