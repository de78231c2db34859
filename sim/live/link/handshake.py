"""Server and node prove to each other that they hold the same secret, which itself never crosses the wire.

server: nonce S. node: nonce N, its facts, HMAC-SHA256(secret, "node", S, N, facts). server: HMAC(secret, "server", N,
S, facts). Both nonces are fresh (32 bytes), so that a recorded handshake proves nothing; the facts are under the proof.
Each direction's key for `frames` is another HMAC over both nonces (challenge and response in both directions: ISO/IEC
9798-4). The whole handshake has `HANDSHAKE_S`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from typing import Any

from sim.live.link.frames import Channel, Message, read_greeting, write_greeting

VERSION = 1
HANDSHAKE_S = 5.0
NONCE_BYTES = 32
Entropy = Callable[[int], bytes]


async def admit(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes, entropy: Entropy,
    refusal: Callable[[Message], str],
) -> tuple[Channel, Message]:  # fmt: skip
    """The server's side: a channel to a node that proved itself, and the facts it told.

    `refusal(facts)` says why the node is not wanted although it may come, "" where it is. Raises ConnectionError.
    """
    async with _deadline():
        ours = entropy(NONCE_BYTES)
        await write_greeting(writer, {"version": VERSION, "nonce": ours.hex()})
        told, _ = await read_greeting(reader)
        theirs, facts = _nonce(told), told.get("facts")
        if told.get("version") != VERSION or not isinstance(facts, dict):
            raise ConnectionError(f"a node that does not speak version {VERSION}")
        text = _facts_text(facts)
        if not _is_proof(told.get("proof"), _proof(secret, b"node", ours, theirs, text)):
            raise ConnectionError("a node without the right credential")
        problem = refusal(facts)
        answer = {"refused": problem} if problem else {}
        await write_greeting(writer, {**answer, "proof": _proof(secret, b"server", theirs, ours, text).hex()})
        if problem:
            raise ConnectionError(problem)
    keys = (_proof(secret, role, ours, theirs, text) for role in (b"key to node", b"key to server"))
    return Channel(reader, writer, *keys), facts


async def introduce(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes, entropy: Entropy, facts: Message
) -> Channel:
    """The node's side; raises ConnectionError (refused too), PermissionError where the server's proof is wrong."""
    async with _deadline():
        told, _ = await read_greeting(reader)
        theirs, ours = _nonce(told), entropy(NONCE_BYTES)
        if told.get("version") != VERSION:
            raise PermissionError(f"the server does not speak version {VERSION}")
        text = _facts_text(facts)
        proof = _proof(secret, b"node", theirs, ours, text)
        await write_greeting(writer, {"version": VERSION, "nonce": ours.hex(), "facts": facts, "proof": proof.hex()})
        answer, _ = await read_greeting(reader)
        if not _is_proof(answer.get("proof"), _proof(secret, b"server", ours, theirs, text)):
            raise PermissionError("the server does not hold this node's credential")
        if "refused" in answer:
            raise ConnectionRefusedError(str(answer["refused"]))
    keys = (_proof(secret, role, theirs, ours, text) for role in (b"key to server", b"key to node"))
    return Channel(reader, writer, *keys)


def _deadline() -> Any:
    return asyncio.timeout(HANDSHAKE_S)


def _proof(secret: bytes, role: bytes, first: bytes, second: bytes, facts: bytes) -> bytes:
    return hmac.digest(secret, b"|".join((b"victor-sim", b"%d" % VERSION, role, first + second, facts)), "sha256")


def _is_proof(told: object, expected: bytes) -> bool:
    return isinstance(told, str) and hmac.compare_digest(told.encode(), expected.hex().encode())


def _facts_text(facts: Message) -> bytes:
    """Facts in one spelling, which survives JSON there and back."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _nonce(told: Message) -> bytes:
    try:
        nonce = bytes.fromhex(told["nonce"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConnectionError("a greeting without a nonce") from error
    if len(nonce) != NONCE_BYTES:
        raise ConnectionError("a nonce of the wrong length")
    return nonce
