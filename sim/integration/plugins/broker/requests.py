"""An HTTP request as a plugin asks for it, checked before anything is opened: typed, bounded, no smuggling.

Only http and https, no user in the address, one host that the address names and no header can change; names and values
of headers hold no control characters. Bounds are of one request and its answer, in bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

USUAL_PORTS = {"http": 80, "https": 443}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
URL_MAX = 2_048
BODY_MAX_BYTES = 256 << 10
HEADERS_MAX = 32
OURS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "proxy-authorization")
SECRET = ("authorization", "cookie")  # not carried to another host by a redirect
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


class Fetch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The arguments of `http.fetch`."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an address leads: scheme, host in lower case (IPv6 in brackets), port, path with query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def usual_port(self) -> int:
        """The scheme's own."""
        return USUAL_PORTS[self.scheme]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `body` is cut at nothing: a longer one is an error."""

    status: int
    headers: dict[str, str]
    body: bytes

    def told(self) -> dict[str, Any]:
        """As the plugin sees it."""
        return {"status": self.status, "headers": self.headers, "body": self.body}


def target_of(url: str) -> Target:
    """Raises PermissionError for an address that is not plainly http or https."""
    if len(url) > URL_MAX or not url.isascii() or any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in url):
        raise PermissionError(f"an address of printable ASCII without blanks, at most {URL_MAX} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PermissionError(f"the address does not parse: {error}") from None
    if parts.scheme not in USUAL_PORTS or not parts.hostname:
        raise PermissionError("http and https addresses only")
    if parts.username is not None or parts.password is not None:
        raise PermissionError("no user in an address")
    host = parts.hostname.rstrip(".")
    host = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, USUAL_PORTS[parts.scheme] if port is None else port, path)


def checked(fetch: Fetch) -> Target:
    """The target of a request that keeps every bound; raises PermissionError with the reason."""
    if fetch.method not in METHODS:
        raise PermissionError("methods are " + ", ".join(METHODS))
    if len(fetch.headers) > HEADERS_MAX:
        raise PermissionError(f"at most {HEADERS_MAX} headers")
    for name, value in fetch.headers.items():
        if not _NAME.fullmatch(name) or name.lower() in OURS:
            raise PermissionError(f"header {name!r} is not for a plugin to set")
        if len(value) > URL_MAX or not value.isascii() or any(ord(c) < 32 or ord(c) == 127 for c in value):
            raise PermissionError(f"header {name!r} holds what a header cannot")
    if len(body_of(fetch)) > BODY_MAX_BYTES:
        raise PermissionError(f"a body of at most {BODY_MAX_BYTES} bytes")
    return target_of(fetch.url)


def body_of(fetch: Fetch) -> bytes:
    """The body in UTF-8."""
    return fetch.body.encode(errors="replace")
