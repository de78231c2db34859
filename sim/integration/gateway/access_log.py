"""What came and what was answered, without secrets: a bounded list of rows, and a sink for whoever keeps them.

A row names the endpoint as it was registered, the key's id, sizes, status and time; headers, query and body are never
in it. The path is, cut and redacted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sim.integration.gateway.redact import redact


class AccessRow(NamedTuple):
    """One line; `kind` is `request` or `response`, instants are the runtime's."""

    kind: str
    at: float
    request_id: str
    method: str
    path: str
    endpoint: str = ""
    address: str = ""
    key_id: str = ""
    status: int = 0
    spent_s: float = 0.0
    body_bytes: int = 0
    reason: str = ""


_row = tuple.__new__  # rows are made twice a request: not by way of keywords


class AccessLog:
    """The newest `rows_max` rows; `sink` gets every one of them."""

    def __init__(self, rows_max: int, sink: Callable[[AccessRow], None] | None = None) -> None:
        self.rows: deque[AccessRow] = deque(maxlen=rows_max)
        self.count = 0
        self._sink = sink

    def request(self, at: float, request_id: str, method: str, path: str, address: str) -> None:
        """A request came in; `path` is redacted."""
        row = _row(AccessRow, ("request", at, request_id, method[:16], path, "", address, "", 0, 0.0, 0, ""))
        self.rows.append(row)
        self.count += 1
        if self._sink is not None:
            self._sink(row)

    def response(
        self, at: float, request_id: str, method: str, path: str, endpoint: str, key_id: str, status: int,
        spent_s: float, body_bytes: int, reason: str,
    ) -> None:  # fmt: skip
        """A request was answered; `reason` says why not, where it was not. `path` is redacted."""
        told = ("response", at, request_id, method[:16], path, endpoint, "", key_id, status, spent_s, body_bytes,
                reason and redact(reason))  # fmt: skip
        row = _row(AccessRow, told)
        self.rows.append(row)
        self.count += 1
        if self._sink is not None:
            self._sink(row)
