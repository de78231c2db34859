"""Handshake and frames over a real loopback socket: who does not hold the secret gets nowhere, in either direction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sim.live.entropy import system_entropy
from sim.live.link import frames, handshake
from sim.live.link.exchange import Exchange
from sim.live.link.frames import GREETING_BYTES_MAX, MESSAGE_BYTES_MAX, Channel
from sim.live.link.handshake import admit, introduce
from tests.live.running import live

SECRET, OTHER = b"s" * 32, b"o" * 32
FACTS = {"node_id": "n1", "metadata": {"b": 1.5, "a": "ü"}}
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Side = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


async def met(server: Side, node: Side) -> list[Any]:
    """What both sides gave or raised."""
    ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            gave = await server(reader, writer)
            if gave is None:
                writer.close()
            ended.set_result(gave)
        except Exception as error:
            writer.close()
            ended.set_result(error)

    listener = await asyncio.start_server(come, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    try:
        told = await node(reader, writer)
    except Exception as error:
        told = error
    found = [await ended, told]
    if not isinstance(told, Channel):
        writer.close()
    listener.close()
    return found


def admitting(secret: bytes, problem: str = "") -> Side:
    return lambda reader, writer: admit(reader, writer, secret, system_entropy, lambda facts: problem)


def introducing(secret: bytes) -> Side:
    return lambda reader, writer: introduce(reader, writer, secret, system_entropy, FACTS)


async def channels() -> tuple[Channel, Channel]:
    (channel, facts), node = await met(admitting(SECRET), introducing(SECRET))
    assert facts == FACTS
    return channel, node


async def exchanged() -> None:
    server, node = await channels()
    for number in range(3):
        await server.send({"n": number})
        assert await node.receive() == {"n": number}
        await node.send({"re": number})
        assert await server.receive() == {"re": number}
    with pytest.raises(ValueError, match="accepted are"):
        await server.send({"x": "y" * MESSAGE_BYTES_MAX})
    await server.send({"still": "there"})
    assert await node.receive() == {"still": "there"}
    server.close()
    with pytest.raises(ConnectionError, match="ended"):
        await node.receive()
    with pytest.raises(ConnectionError):
        server.post({})
    assert node.closed


def test_both_sides_agree_and_frames_come_in_order() -> None:
    live(exchanged)


async def strangers() -> None:
    wrong_node = await met(admitting(SECRET), introducing(OTHER))
    assert "credential" in str(wrong_node[0])
    assert isinstance(wrong_node[1], ConnectionError)  # the server closes without a word
    # a server that lets anybody in, to get at nodes: it cannot prove itself
    impostor = await met(_impostor, introducing(SECRET))
    assert isinstance(impostor[1], PermissionError)
    assert (await met(admitting(SECRET), _deaf))[0].args == ("a greeting without a nonce",)
    refused = await met(admitting(SECRET, "there are 2 nodes"), introducing(SECRET))
    assert isinstance(refused[1], ConnectionRefusedError)
    assert str(refused[1]) == "there are 2 nodes"


async def _impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    ours = system_entropy(32)
    await frames.write_greeting(writer, {"version": 1, "nonce": ours.hex()})
    told, _ = await frames.read_greeting(reader)
    await frames.write_greeting(writer, {"proof": told["proof"]})  # what it heard, turned round


async def _deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await frames.write_greeting(writer, {"version": 1, "facts": {}})


def test_who_does_not_hold_the_secret_is_turned_away() -> None:
    live(strangers)


@pytest.mark.parametrize("change", ["flip", "repeat", "leave out", "length", "no json"])
def test_a_frame_that_is_not_the_next_one_ends_the_connection(change: str) -> None:
    async def body() -> None:
        server, node = await channels()
        writer = server._writer
        texts = [frames.encoded({"n": number}, 100) for number in range(2)]
        whole = [
            len(text).to_bytes(4, "big") + frames.sealed(server._key_out, number, text) + text
            for number, text in enumerate(texts)
        ]
        if change == "flip":
            writer.write(whole[0][:-2] + b"9}")
        elif change == "repeat":
            writer.write(whole[0] + whole[0])
            assert await node.receive() == {"n": 0}
        elif change == "leave out":
            writer.write(whole[1])
        elif change == "length":
            writer.write((MESSAGE_BYTES_MAX + 1).to_bytes(4, "big"))
        else:
            writer.write((2).to_bytes(4, "big") + frames.sealed(server._key_out, 0, b"[]") + b"[]")
        with pytest.raises(ConnectionError):
            await node.receive()
        assert node.closed
        server.close()

    live(body)


def test_a_greeting_is_capped_and_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((GREETING_BYTES_MAX + 1).to_bytes(4, "big"))

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # the server's greeting; then nothing

    async def body() -> None:
        assert "over" in str((await met(admitting(SECRET), long))[0])
        monkeypatch.setattr(handshake, "HANDSHAKE_S", 0.05)
        assert isinstance((await met(admitting(SECRET), silent))[0], TimeoutError)

    live(body)


async def asked() -> None:
    server, node = await channels()
    ask, answer = Exchange(server, asks_max=2), Exchange(node)
    held: list[int] = []

    def heard(message: dict[str, Any]) -> Awaitable[None] | None:
        if message["op"] == "double":
            return answer.answer(message["n"], value=2 * message["x"])
        held.append(message.get("n", -message.get("of", 0)))
        return None

    pumps = [asyncio.create_task(answer.pump(heard)), asyncio.create_task(ask.pump(lambda _: None))]
    assert (await ask.ask("double", 5.0, x=4))["value"] == 8
    with pytest.raises(TimeoutError):
        await ask.ask("never", 0.01)
    assert (await ask.ask("double", 5.0, x=1))["value"] == 2  # and what came before it was heard
    assert held == [2, -2]  # the question, and that nobody waits for its answer any more
    await answer.answer(2, value=0)
    assert (await ask.ask("double", 5.0, x=3))["value"] == 6
    assert ask.late_count == 1
    open_ones = [asyncio.create_task(ask.ask("hold", None)) for _ in range(3)]
    await asyncio.wait(open_ones, return_when=asyncio.FIRST_COMPLETED)
    assert "2 questions are open" in str(open_ones[2].exception())
    answer.close()
    done = await asyncio.gather(*open_ones, return_exceptions=True)
    assert all(isinstance(one, ConnectionError) for one in done)
    assert await pumps[1] != ""
    with pytest.raises(ConnectionError):
        await ask.ask("double", 1.0, x=1)


def test_questions_have_answers_deadlines_and_a_bound() -> None:
    live(asked)
