"""The words that host and worker exchange: length-prefixed msgpack, typed, capped on both sides.

A frame is a 4-byte little-endian length and that many bytes of one msgspec Struct, tagged by its name. A length above
the cap, bytes that do not decode, an unknown tag or field, an extension type: `FrameError`, and the host ends the
worker. Never pickle: what a worker sends is hostile.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEADER_BYTES = 4
FRAME_MAX_BYTES = 1 << 20  # of calls and replies
LOAD_MAX_BYTES = 16 << 20  # of the one frame that carries a plugin's files
TEXT_MAX = 2_000  # characters of an error's text


class FrameError(Exception):
    """The other side broke the protocol; it cannot be believed any more."""


class Load(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """The first frame to a worker: the plugin's sources (path relative to its folder -> bytes) and its settings."""

    plugin_id: str
    module: str
    files: dict[str, bytes]
    settings: dict[str, Any]
    hooks: list[str]  # which names are hooks
    seed: int


class Call(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """Run a hook; `at` is the runtime's instant in seconds."""

    number: int
    hook: str
    at: float
    payload: Any


class Answer(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """What the broker says to an `Ask`; `error` is empty when it was granted."""

    value: Any
    error: str = ""


class Ready(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """The walls are up and the plugin is loaded; the hooks it offers, sorted."""

    hooks: list[str]


class Result(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """A hook returned."""

    number: int
    value: Any


class Failure(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """A hook (or, with number 0, the start) raised; `kind` is the exception's class name."""

    number: int
    kind: str
    text: str


class Ask(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    """A plugin calls a host function."""

    name: str
    arguments: dict[str, Any]


ToWorker = Load | Call | Answer
ToHost = Ready | Result | Failure | Ask


def _no_extension(code: int, data: memoryview) -> Any:
    raise FrameError(f"extension type {code}")


_ENCODER = msgspec.msgpack.Encoder()
_OF_WORKER: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost, ext_hook=_no_extension)
_OF_HOST: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker, ext_hook=_no_extension)


def pack(frame: ToWorker | ToHost, bytes_max: int = FRAME_MAX_BYTES) -> bytes:
    """A frame with its length; raises FrameError when it is too long, TypeError for what msgpack cannot hold."""
    body = _ENCODER.encode(frame)
    if len(body) > bytes_max:
        raise FrameError(f"a frame of {len(body)} bytes; accepted are {bytes_max}")
    return len(body).to_bytes(HEADER_BYTES, "little") + body


def of_worker(body: bytes | bytearray | memoryview) -> ToHost:
    """Decode what a worker sent; raises FrameError for whatever is not exactly one frame of its kind."""
    try:
        return _OF_WORKER.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise FrameError(f"{type(error).__name__}: {error}"[:TEXT_MAX]) from None


def of_host(body: bytes | bytearray | memoryview) -> ToWorker:
    """Decode what the host sent."""
    return _OF_HOST.decode(body)


class Assembler:
    """Bytes in, whole frame bodies out; holds at most one frame's bytes and what one read brought besides."""

    __slots__ = ("_buffer", "bytes_max")

    def __init__(self, bytes_max: int = FRAME_MAX_BYTES) -> None:
        self._buffer = bytearray()
        self.bytes_max = bytes_max

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, data: bytes) -> None:
        """Take what a read gave."""
        self._buffer += data

    def take(self) -> bytes | None:
        """The next whole body, or None; raises FrameError for a length above the cap, before its bytes come."""
        if len(self._buffer) < HEADER_BYTES:
            return None
        length = int.from_bytes(self._buffer[:HEADER_BYTES], "little")
        if length > self.bytes_max:
            raise FrameError(f"a frame of {length} bytes; accepted are {self.bytes_max}")
        end = HEADER_BYTES + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[HEADER_BYTES:end])
        del self._buffer[:end]
        return body
