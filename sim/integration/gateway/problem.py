"""Errors as answers: RFC 9457 `application/problem+json`, with a type where the registry has one.

A problem never repeats what the client sent: no header, no query, no body.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from sim.errors import SimError

MEDIA_TYPE = "application/problem+json"
TYPES = {
    "quota-exceeded": "https://iana.org/assignments/http-problem-types#quota-exceeded",
    "temporary-reduced-capacity": "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
}

Headers = tuple[tuple[bytes, bytes], ...]


class Problem(SimError):
    """A request is answered with an error; `fields` are further members of the body."""

    def __init__(
        self, status: int, detail: str, kind: str = "", headers: Headers = (), fields: dict[str, Any] | None = None
    ) -> None:
        super().__init__(status, detail, kind, headers, fields)
        self.status, self.detail, self.kind, self.headers, self.fields = status, detail, kind, headers, fields or {}

    def __str__(self) -> str:
        return f"{self.status} {self.detail}"

    def body(self, request_id: str) -> bytes:
        """The JSON document."""
        told = {
            "type": TYPES.get(self.kind, "about:blank"),
            "title": title_of(self.status),
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
            **self.fields,
        }
        return json.dumps(told, separators=(",", ":")).encode()


def title_of(status: int) -> str:
    """The status' phrase."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
