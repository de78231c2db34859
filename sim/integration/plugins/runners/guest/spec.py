"""What the host and the process that workers are forked from say to each other: msgpack, both sides trusted."""

from __future__ import annotations

import msgspec

from sim.integration.plugins.sandbox.layers import Walls


class Start(msgspec.Struct):
    """Host's first message: the walls that are wanted; each is tried, and those that all workers share go up."""

    walls: Walls


class Hello(msgspec.Struct):
    """The answer: layer -> why it does not go up here ("" when it does); `error` when the shared walls did not."""

    report: dict[str, str]
    error: str = ""


class Order(msgspec.Struct):
    """Fork one worker with these walls; its socket and its log come with the message."""

    walls: Walls


ENCODER = msgspec.msgpack.Encoder()
START_DECODER = msgspec.msgpack.Decoder(Start)
HELLO_DECODER = msgspec.msgpack.Decoder(Hello)
ORDER_DECODER = msgspec.msgpack.Decoder(Order)
