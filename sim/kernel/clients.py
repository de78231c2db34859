"""Closed clients in the kernel: who thinks until when, and what the next requests of each carry.

`chunk` holds `size` requests of every client side by side, request `ordinal` of a client at client * size + ordinal
modulo size, and `think_s` there the time that its client thinks after it. Who thinks lies in a binary heap by (instant,
client). A client whose requests are used up makes the kernel come back before its next arrival (`CLIENT`).
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from sim.kernel.fields import Fields
from sim.kernel.state import HORIZON_AT, THINKING

CLIENT_BITS = 32  # a request is client << 32 | ordinal


class Clients(Fields):
    """By client the requests sent and those known so far; the heap; `think_s` by place in the chunk."""

    __slots__ = ("at", "client", "known", "sent", "size", "think_s")

    def __init__(self, clients_count: int, size: int) -> None:
        self.size = size
        self.at = np.zeros(clients_count)
        self.client = np.zeros(clients_count, dtype=np.int64)
        self.sent, self.known = np.zeros(clients_count, dtype=np.int64), np.zeros(clients_count, dtype=np.int64)
        self.think_s = np.zeros(clients_count * size)


def client_comes(clients: Any, place: int, at: float, client: int) -> bool:
    """Whether who lies at `place` of the heap sends before (at, client)."""
    return clients.at[place] < at or (clients.at[place] == at and clients.client[place] < client)


def next_send_at(k: Any) -> float:
    """When the next client sends, infinity if nobody thinks."""
    at: float = k.clients.at[0] if k.numbers[THINKING] > 0 else inf
    return at


def client_is_known(k: Any) -> bool:
    """Whether the next request is there."""
    client = k.clients.client[0]
    known: bool = k.clients.sent[client] < k.clients.known[client]
    return known


def next_place(k: Any) -> int:
    """Where the next request stands in the chunk."""
    clients = k.clients
    client = clients.client[0]
    place: int = client * clients.size + clients.sent[client] % clients.size
    return place


def next_request(k: Any) -> int:
    """Its number."""
    client = k.clients.client[0]
    request: int = (client << CLIENT_BITS) + k.clients.sent[client]
    return request


def client_sends(k: Any) -> None:
    """The next request is sent: its client does not think any more."""
    clients = k.clients
    clients.sent[clients.client[0]] += 1
    count = k.numbers[THINKING] - 1
    k.numbers[THINKING] = count
    at, client = clients.at[count], clients.client[count]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and client_comes(clients, below + 1, clients.at[below], clients.client[below]):
            below += 1
        if not client_comes(clients, below, at, client):
            break
        clients.at[place] = clients.at[below]
        clients.client[place] = clients.client[below]
        place = below
    clients.at[place] = at
    clients.client[place] = client


def client_thinks(k: Any, request: int, now: float) -> None:
    """A request has ended: its client thinks, and sends the next one unless that would be too late."""
    clients = k.clients
    client = request >> CLIENT_BITS
    ordinal = request - (client << CLIENT_BITS)
    think(k, client, now + clients.think_s[client * clients.size + ordinal % clients.size])


def think(k: Any, client: int, at: float) -> None:
    """A client sends at an instant, if that is before the horizon."""
    if at >= k.instants[HORIZON_AT]:
        return
    clients = k.clients
    place = k.numbers[THINKING]
    k.numbers[THINKING] = place + 1
    while place > 0:
        above = (place - 1) >> 1
        if client_comes(clients, above, at, client):
            break
        clients.at[place] = clients.at[above]
        clients.client[place] = clients.client[above]
        place = above
    clients.at[place] = at
    clients.client[place] = client
