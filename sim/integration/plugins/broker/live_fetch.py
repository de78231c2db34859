"""`http.fetch` of a live run: one connection to an address that was checked, capped, redirects checked hop by hop.

Problem: a granted name may point anywhere (DNS rebinding, redirects to a cloud's metadata address). Rule: resolve once,
refuse every address that is not public unless `http.private` holds for the host, connect to that very address, and keep
the name for TLS and the Host header; a redirect is a new request, granted and checked again, without the secrets of the
first when the host changes (OWASP SSRF prevention). Bounds: bytes of the reply, hops, seconds in all.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
from functools import cached_property
from urllib.parse import urljoin

from sim.contracts import Runtime
from sim.integration.plugins.broker import requests
from sim.integration.plugins.broker.permissions import Grants

REPLY_MAX_BYTES = 1 << 20
REDIRECTS_MAX = 3
READ_BYTES = 1 << 14
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
REDIRECTS = (301, 302, 303, 307, 308)


class Flight:
    """One request under way: `until` when, and the socket that a thread is waiting for."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.socket: socket.socket | None = None

    def end(self) -> None:
        """Wake the thread, however slowly the other side drips."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class LiveFetcher:
    """Opens connections in a thread of the runtime, `timeout_s` for a request with all its hops."""

    def __init__(self, runtime: Runtime, timeout_s: float = 10.0) -> None:
        self._runtime, self.timeout_s = runtime, timeout_s

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Read at the first address that wants it: the machine's certificates take longer than a plugin's load."""
        return ssl.create_default_context()

    async def fetch(self, fetch: requests.Fetch, target: requests.Target, grants: Grants) -> requests.Reply:
        """The last reply; raises PermissionError for a hop that is not granted, OSError when nothing came in time."""
        flight = Flight(self._runtime.now() + self.timeout_s)
        try:
            async with self._runtime.timeout(self.timeout_s):
                return await self._runtime.run_blocking(lambda: self._follow(fetch, target, grants, flight))
        finally:
            flight.end()

    def _follow(self, fetch: requests.Fetch, target: requests.Target, grants: Grants, flight: Flight) -> requests.Reply:
        for _ in range(REDIRECTS_MAX + 1):
            reply = self._one(fetch, target, grants, flight)
            location = next((value for name, value in reply.headers.items() if name.lower() == "location"), None)
            if reply.status not in REDIRECTS or location is None:
                return reply
            url = urljoin(fetch.url, location)
            was, target = target, requests.target_of(url)
            why_not = grants.why_not_host("http.fetch", target.host, target.port, target.usual_port)
            if why_not:
                raise PermissionError(f"redirected: {why_not}")
            fetch = _redirected(fetch, url, reply.status, (was.scheme, was.host, was.port) == target_key(target))
        raise PermissionError(f"more than {REDIRECTS_MAX} redirects")

    def _one(self, fetch: requests.Fetch, target: requests.Target, grants: Grants, flight: Flight) -> requests.Reply:
        connection = self._connected(target, checked_address(target, grants), flight)
        try:
            connection.request(fetch.method, target.path, requests.body_of(fetch) or None, dict(fetch.headers))
            with connection.getresponse() as response:
                body = bytearray()
                while part := response.read1(READ_BYTES):
                    body += part
                    if len(body) > REPLY_MAX_BYTES:
                        raise OSError(f"a reply of more than {REPLY_MAX_BYTES} bytes")
                    self._left_s(flight)
                return requests.Reply(response.status, dict(response.getheaders()), bytes(body))
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from None
        finally:
            connection.close()

    def _connected(self, target: requests.Target, address: str, flight: Flight) -> http.client.HTTPConnection:
        left_s = self._left_s(flight)
        connection = http.client.HTTPConnection(target.host.strip("[]"), target.port, timeout=left_s)
        plain = socket.create_connection((address, target.port), timeout=left_s)
        try:
            secured = target.scheme == "https"
            name = target.host.strip("[]")
            flight.socket = plain
            connection.sock = self._tls.wrap_socket(plain, server_hostname=name) if secured else plain
            flight.socket = connection.sock
        except BaseException:
            plain.close()
            raise
        return connection

    def _left_s(self, flight: Flight) -> float:
        left_s = flight.until - self._runtime.now()
        if left_s <= 0.0:
            raise TimeoutError(f"not done within {self.timeout_s} s")
        return left_s


def target_key(target: requests.Target) -> tuple[str, str, int]:
    """What must stay the same for secrets to go along."""
    return target.scheme, target.host, target.port


def checked_address(target: requests.Target, grants: Grants) -> str:
    """One address of the host; raises PermissionError when any is not public and that is not granted."""
    found = socket.getaddrinfo(target.host.strip("[]"), target.port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    private = [address for address in addresses if not is_public(address)]
    if private:
        why_not = grants.why_not_host("http.private", target.host, target.port, target.usual_port)
        if why_not:
            raise PermissionError(f"{target.host} is at {private[0]}, which is not public: {why_not}")
    return addresses[0]


def is_public(address: str) -> bool:
    """True for a global unicast address; IPv4 inside IPv6 counts as what it holds."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is None and parsed in NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        parsed = parsed if inner is None else inner
    return parsed.is_global and not parsed.is_multicast


def _redirected(fetch: requests.Fetch, url: str, status: int, same: bool) -> requests.Fetch:
    keeps_body = status in (307, 308) or fetch.method in ("GET", "HEAD")
    headers = {name: value for name, value in fetch.headers.items() if same or name.lower() not in requests.SECRET}
    if keeps_body:
        return requests.Fetch(url, fetch.method, headers, fetch.body)
    return requests.Fetch(url, "GET", headers)
