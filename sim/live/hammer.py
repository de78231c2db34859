"""A closed-loop HTTP client for speed alone: C connections, each sends as soon as it is answered, for some seconds.

A process of its own (`python -m sim.live.hammer PORT PATH SECONDS CONNECTIONS`), so that its work is not the server's.
The key comes from the environment variable VICTOR_SIM_KEY. Prints JSON: answers, failures, seconds. Closed loops omit
what would have come while they wait: this is for requests a second, never for latencies.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import uvloop

HEAD_END, LENGTH = b"\r\n\r\n", b"content-length: "


def request_of(path: str, key: str) -> bytes:
    """A GET, with the key where there is one."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *([f"X-API-Key: {key}"] if key else []), "", ""]
    return "\r\n".join(lines).encode()


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bool:
    """Send it, read the whole answer; whether it is 200."""
    writer.write(request)
    head = await reader.readuntil(HEAD_END)
    start = head.lower().index(LENGTH) + len(LENGTH)
    await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
    return head.startswith(b"HTTP/1.1 200")


async def hammer(port: int, path: str, seconds: float, connections: int, key: str) -> dict[str, float]:
    """Answers with 200, others, and how long it took."""
    request = request_of(path, key)
    ends_at = time.perf_counter() + seconds
    counts = [0, 0]

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < ends_at:
            counts[not await exchange(reader, writer, request)] += 1
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return {"answers": counts[0], "failures": counts[1], "seconds": time.perf_counter() - begun}


def main() -> None:
    """The command line."""
    port, path, seconds, connections = sys.argv[1:5]
    key = os.environ.get("VICTOR_SIM_KEY", "")
    print(json.dumps(uvloop.run(hammer(int(port), path, float(seconds), int(connections), key))))


if __name__ == "__main__":
    main()
