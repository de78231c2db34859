"""The live way out: real sockets on loopback; redirects, private addresses, long and slow replies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sim.integration.plugins.broker import live_fetch
from sim.integration.plugins.broker.live_fetch import LiveFetcher, is_public
from sim.integration.plugins.broker.permissions import Grants
from sim.integration.plugins.broker.requests import Fetch, Reply, checked
from tests.integration.plugins.stage import AnyRuntime, on_live


class Site(BaseHTTPRequestHandler):
    """Answers by path; keeps what came."""

    seen: list[tuple[str, str, dict[str, str], bytes]]
    redirect_to: str
    over: threading.Event

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/slow":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
            while not self.over.wait(0.02):
                self.wfile.write(b"a")
            return
        status = 302 if self.path.startswith("/away") else 307 if self.path.startswith("/keep") else 200
        self.send_response(status)
        if status != 200:
            self.send_header("Location", "/away" if self.path == "/away-for-ever" else self.redirect_to)
        self.end_headers()
        self.wfile.write(b"x" * (live_fetch.REPLY_MAX_BYTES + 1) if self.path == "/long" else b"hello")

    do_POST = do_GET  # noqa: N815 # the library's name

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


@pytest.fixture
def site() -> Iterator[tuple[int, type[Site]]]:
    """A server on loopback: its port and its books."""
    handler = type("Here", (Site,), {"seen": [], "redirect_to": "/", "over": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1], handler
    handler.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(port: int, path: str, *permissions: str, timeout_s: float = 10.0, **request: Any) -> Reply:
    """One request to the site with the permissions given, `PORT` put in."""
    told = [text.replace("PORT", str(port)) for text in permissions]

    async def body(runtime: AnyRuntime) -> Reply:
        wanted = Fetch(f"http://127.0.0.1:{port}{path}", **request)
        return await LiveFetcher(runtime, timeout_s).fetch(wanted, checked(wanted), Grants(told, told))

    return on_live(body)


BOTH = ("http.fetch:127.0.0.1:PORT", "http.private:127.0.0.1:PORT")


def test_a_granted_private_host_is_reached(site: tuple[int, type[Site]]) -> None:
    reply = fetch(site[0], "/a?b=1", *BOTH, method="POST", headers={"X-K": "v"}, body="{}")
    assert (reply.status, reply.body) == (200, b"hello")
    method, path, headers, body = site[1].seen[0]
    assert (method, path, headers["X-K"], body) == ("POST", "/a?b=1", "v", b"{}")
    assert headers["Host"] == f"127.0.0.1:{site[0]}"


def test_attack_on_a_private_address_is_refused(site: tuple[int, type[Site]]) -> None:
    with pytest.raises(PermissionError, match=r"is not public: http\.private:127\.0\.0\.1"):
        fetch(site[0], "/", "http.fetch:127.0.0.1:PORT")
    assert site[1].seen == []


def test_attack_by_redirect_to_a_host_that_is_not_granted(site: tuple[int, type[Site]]) -> None:
    for url in ("http://169.254.169.254/latest/meta-data", "http://localhost:PORT/", "file:///etc/passwd"):
        site[1].redirect_to = url.replace("PORT", str(site[0]))
        site[1].seen.clear()
        with pytest.raises(PermissionError):
            fetch(site[0], "/away", *BOTH)
        assert len(site[1].seen) == 1


def test_a_redirect_within_the_grant_drops_the_body_and_keeps_it_by_its_status(site: tuple[int, type[Site]]) -> None:
    site[1].redirect_to = "/end"
    assert fetch(site[0], "/away", *BOTH, method="POST", body="b").status == 200
    assert fetch(site[0], "/keep", *BOTH, method="POST", body="b").status == 200
    assert [(seen[0], seen[1], seen[3]) for seen in site[1].seen] == [
        ("POST", "/away", b"b"), ("GET", "/end", b""), ("POST", "/keep", b"b"), ("POST", "/end", b"b"),
    ]  # fmt: skip


def test_secrets_do_not_follow_to_another_host(site: tuple[int, type[Site]]) -> None:
    site[1].redirect_to = f"http://localhost:{site[0]}/end"
    more = ("http.fetch:localhost:PORT", "http.private:localhost:PORT")
    fetch(site[0], "/away", *BOTH, *more, headers={"Authorization": "Bearer x", "X-Plain": "y"})
    first, second = (seen[2] for seen in site[1].seen)
    assert (first.get("Authorization"), second.get("Authorization"), second["X-Plain"]) == ("Bearer x", None, "y")


def test_redirects_for_ever_end(site: tuple[int, type[Site]]) -> None:
    site[1].redirect_to = "/away-for-ever"
    with pytest.raises(PermissionError, match="more than 3 redirects"):
        fetch(site[0], "/away-for-ever", *BOTH)
    assert len(site[1].seen) == 1 + live_fetch.REDIRECTS_MAX


def test_attack_by_a_reply_that_is_too_long(site: tuple[int, type[Site]]) -> None:
    with pytest.raises(OSError, match="a reply of more than"):
        fetch(site[0], "/long", *BOTH)


def test_attack_by_a_reply_that_drips(site: tuple[int, type[Site]]) -> None:
    with pytest.raises(TimeoutError):
        fetch(site[0], "/slow", *BOTH, timeout_s=0.3)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
     "255.255.255.255", "ff02::1"],
)  # fmt: skip
def test_isolation_from_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_are_public() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")
