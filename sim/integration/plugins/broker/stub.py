"""`http.fetch` of a simulated run: recorded, answered from a declared table, never leaving the process."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from sim.integration.plugins.broker import requests
from sim.integration.plugins.broker.permissions import Grants

KEPT_MAX = 10_000


class Recorded(NamedTuple):
    """One request that would have left."""

    method: str
    url: str
    body: bytes


class StubFetcher:
    """Answers by host (`status` for all others); the newest `KEPT_MAX` requests are kept, `count` covers all."""

    def __init__(self, replies: Mapping[str, requests.Reply] | None = None, status: int = 204) -> None:
        self._replies, self._other = dict(replies or {}), requests.Reply(status, {}, b"")
        self.recorded: deque[Recorded] = deque(maxlen=KEPT_MAX)
        self.count = 0

    async def fetch(self, fetch: requests.Fetch, target: requests.Target, grants: Grants) -> requests.Reply:
        """The declared reply, at this very instant."""
        self.count += 1
        self.recorded.append(Recorded(fetch.method, fetch.url, requests.body_of(fetch)))
        return self._replies.get(target.host, self._other)
