"""Strict HTTP, whatever server runs beneath: servers differ in what they let through (request smuggling, Host tricks).

Refused are: anything but exactly one valid Host (400), hosts nobody trusts (421), headers too many or too long (431), a
URI too long (414), unknown methods (501), Content-Length that is no number or comes with Transfer-Encoding (400), any
transfer coding but `chunked` (501), control bytes in values, paths with control bytes, bad UTF-8, backslashes or empty
and dot segments (400). See RFC 9112 sections 3 and 6. Sizes are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sim.integration.gateway.ports import Scope
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.settings import LOOPBACK_NAMES, GatewayConfig

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
KNOWN = METHODS | {"CONNECT", "QUERY", "TRACE"}  # never served, but no news to us: 405
VERSIONS = frozenset({"1.0", "1.1", "2", "3"})
ONCE = frozenset({b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"x-api-key",
                  b"origin", b"expect", b"upgrade", b"sec-websocket-key"})  # fmt: skip
USUAL = ONCE | {b"accept", b"accept-encoding", b"connection", b"user-agent"}
NAME = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+").fullmatch
CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})  # no value holds any of them
HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,253}))(?::(\d{1,5}))?").fullmatch
BAD_PATH = re.compile(r"[\x00-\x1f\x7f\\\ufffd\ud800-\udfff]|//|/\.{1,2}(?:/|$)").search
DIGITS = re.compile(rb"\d{1,18}").fullmatch
CLOSE = ((b"connection", b"close"),)  # what follows on this connection cannot be trusted

Headers = dict[bytes, bytes]


class Guard:
    """Gives the headers by name of a request that is well formed; raises `Problem` for any other."""

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        trusted = {name.lower() for name in config.trusted_hosts}
        self.trusts_all = "*" in trusted
        own = LOOPBACK_NAMES if config.is_loopback else ()
        self.hosts = frozenset({config.host.lower(), *own, *trusted})
        self.suffixes = tuple(name[1:] for name in sorted(trusted) if name.startswith("*."))
        self._plain_hosts: dict[bytes, None] = {}  # seen and trusted; at most HOSTS_MAX
        self._plain_paths: dict[str, None] = {}  # seen and plain; at most PATHS_MAX

    HOSTS_MAX, PATHS_MAX, PATH_SIGNS_MAX = 64, 256, 64

    def headers(self, scope: Scope) -> Headers:
        """Headers by lower-case name; every other rule is checked on the way."""
        config, pairs = self.config, scope["headers"]
        count = len(pairs)
        if count > config.header_count_max:
            raise Problem(431, f"more than {config.header_count_max} headers", headers=CLOSE)
        found: Headers = dict(pairs)
        if len(found) < count:
            found = _joined(pairs)
        values = b"".join(found.values())  # one look at all of them: a bad byte is bad in any
        is_clean = len(values.translate(None, CONTROLS)) == len(values)
        if not is_clean or not (USUAL.issuperset(found) or all(map(NAME, found))):
            raise Problem(400, "a header holds what HTTP does not allow", headers=CLOSE)
        if len(values) + len(b"".join(found)) + 4 * count > config.header_bytes_max:
            raise Problem(431, f"headers of more than {config.header_bytes_max} bytes", headers=CLOSE)
        host = found.get(b"host")
        if host not in self._plain_hosts:
            self._host(host)
        path: str = scope["path"]
        raw = scope.get("raw_path") or path.encode("utf-8", "surrogatepass")
        if len(raw) + len(scope.get("query_string", b"")) > config.uri_bytes_max:
            raise Problem(414, f"a URI of more than {config.uri_bytes_max} bytes", headers=CLOSE)
        if path not in self._plain_paths:
            self._path(path)
        version = scope.get("http_version", "1.1")
        if version != "1.1" or b"content-length" in found or b"transfer-encoding" in found:
            self._framing(version, found)
        return found

    def _host(self, value: bytes | None) -> None:
        text = "" if value is None else value.decode("latin-1").lower()
        match = HOST(text)
        if match is None or (match[2] is not None and int(match[2]) > 65_535):
            raise Problem(400, "exactly one valid Host is needed", headers=CLOSE)
        name = match[1]
        if not self.trusts_all and name not in self.hosts and not name.endswith(self.suffixes or ("\0",)):
            raise Problem(421, "this host is not served here", headers=CLOSE)
        if value is not None and len(self._plain_hosts) < self.HOSTS_MAX:
            self._plain_hosts[value] = None

    def _path(self, path: str) -> None:
        if not path.startswith("/") or BAD_PATH(path) is not None:
            raise Problem(400, "the path is not a plain one")
        if len(self._plain_paths) < self.PATHS_MAX and len(path) <= self.PATH_SIGNS_MAX:
            self._plain_paths[path] = None

    def _framing(self, version: str, headers: Headers) -> None:
        if version not in VERSIONS:
            raise Problem(505, "HTTP/1.1 is spoken here", headers=CLOSE)
        length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
        if coding is not None:
            if length is not None or version == "1.0":
                raise Problem(400, "the length of the body is told in two ways, or in one that is not known", "", CLOSE)
            if coding.strip().lower() != b"chunked":
                raise Problem(501, "no transfer coding but chunked", headers=CLOSE)
        if length is not None:
            if DIGITS(length) is None:
                raise Problem(400, "Content-Length is one number", headers=CLOSE)
            if int(length) > self.config.body_bytes_max:
                raise Problem(413, f"a body of more than {self.config.body_bytes_max} bytes", headers=CLOSE)


def _joined(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers of which some came twice; raises `Problem` for those that may come once."""
    found: Headers = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif name in ONCE:
            raise Problem(400, "a header came twice that may come once", headers=CLOSE)
        else:
            found[name] += b", " + value
    return found


def safe_value(value: bytes) -> bool:
    """Whether a header value may leave: no CR, LF or other control byte."""
    return len(value.translate(None, CONTROLS)) == len(value)
