"""An open-loop HTTP client for latencies: request k is due at k / rate, whoever of those before it waits.

A process of its own (`python -m sim.live.pacer PORT PATH SECONDS CONNECTIONS RATE`). A kept connection takes the next
request that is not sent; where all are busy it is sent late, and its latency counts from when it was due all the same,
so that nothing is omitted (Tene 2013, "coordinated omission"; the rule of wrk2). The key comes from VICTOR_SIM_KEY.
Prints JSON: latencies_s by due time, failures.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time

import uvloop

from sim.live.hammer import exchange, request_of


async def paced(
    port: int, path: str, seconds: float, connections: int, rate_per_s: float, key: str
) -> dict[str, object]:
    """Latencies in seconds, shape (seconds x rate,), and how many answers were not 200."""
    request, count = request_of(path, key), max(1, int(seconds * rate_per_s))
    numbers, latencies_s, failures = itertools.count(), [0.0] * count, 0
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    begun_at = time.perf_counter()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal failures
        while (number := next(numbers)) < count:
            due_at = begun_at + number / rate_per_s
            while (early_s := due_at - time.perf_counter()) > 0.0:  # uvloop's timers are whole milliseconds, rounded
                await asyncio.sleep(early_s)
            failures += not await exchange(reader, writer, request)
            latencies_s[number] = time.perf_counter() - due_at
        writer.close()

    await asyncio.gather(*(one(*connection) for connection in opened))
    return {"latencies_s": latencies_s, "failures": failures}


def main() -> None:
    """The command line."""
    port, path, seconds, connections, rate_per_s = sys.argv[1:6]
    key = os.environ.get("VICTOR_SIM_KEY", "")
    print(json.dumps(uvloop.run(paced(int(port), path, float(seconds), int(connections), float(rate_per_s), key))))


if __name__ == "__main__":
    main()
