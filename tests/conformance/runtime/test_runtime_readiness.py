"""`ready`: waiting for a descriptor of another process, the same on both runtimes."""

from __future__ import annotations

import asyncio
import os

import pytest

from sim.runtime.live import LiveRuntime
from sim.runtime.readiness import poll_for
from sim.runtime.virtual import VirtualRuntime
from tests.conformance.runtime.stage import AnyRuntime, Play


def test_what_can_be_read_is_told_with_the_time_left(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        reader, writer = os.pipe()
        try:
            os.write(writer, b"x")
            return await runtime.ready(reader, 5.0)
        finally:
            os.close(reader)
            os.close(writer)

    assert 0.0 < play(body) <= 5.0


def test_silence_ends_at_the_bound(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        reader, writer = os.pipe()
        try:
            return await runtime.ready(reader, 0.001)
        finally:
            os.close(reader)
            os.close(writer)

    assert play(body) <= 0.0


def test_a_hang_up_is_ready_to_be_read(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        reader, writer = os.pipe()
        os.close(writer)
        try:
            return await runtime.ready(reader, 5.0)
        finally:
            os.close(reader)

    assert play(body) > 0.0


def test_room_to_write_is_told(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        reader, writer = os.pipe()
        try:
            return await runtime.ready(writer, 5.0, writing=True)
        finally:
            os.close(reader)
            os.close(writer)

    assert play(body) > 0.0


def test_a_cancelled_wait_leaves_the_descriptor_free() -> None:
    async def body() -> float:
        runtime = LiveRuntime()
        reader, writer = os.pipe()
        try:
            task = runtime.spawn(runtime.ready(reader, 60.0))
            await runtime.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task.join()
            os.write(writer, b"x")
            return await runtime.ready(reader, 5.0)
        finally:
            os.close(reader)
            os.close(writer)
            await runtime.close()

    assert asyncio.run(body()) > 0.0


def test_no_virtual_time_passes() -> None:
    async def body() -> float:
        reader, writer = os.pipe()
        try:
            await runtime.ready(reader, 0.002)
            return runtime.now()
        finally:
            os.close(reader)
            os.close(writer)

    runtime = VirtualRuntime()
    assert runtime.run_task(body()) == 0.0
    runtime.close()


def test_a_bound_that_has_passed_still_looks_once() -> None:
    reader, writer = os.pipe()
    assert poll_for(reader, -1.0) == -1.0
    os.write(writer, b"x")
    assert poll_for(reader, -1.0) == 0.0
    os.close(reader)
    os.close(writer)
