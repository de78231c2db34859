"""The broker: default deny, both sides must grant, every ask is an event, a simulated fetch never leaves."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import ConfigError
from sim.integration.plugins.broker.broker import Broker, HostServices
from sim.integration.plugins.broker.permissions import Grants, parse
from sim.integration.plugins.broker.requests import Reply
from sim.integration.plugins.broker.stub import StubFetcher
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime

ID = "custom.test"


class Desk:
    """A broker on virtual time with one admitted plugin."""

    def __init__(self, asked: list[str], granted: list[str]) -> None:
        self.runtime, self.events = VirtualRuntime(), EventLog()
        self.stub = StubFetcher({"hooks.example.com": Reply(200, {"X": "1"}, b"ok")})
        self.submitted: list[tuple[str, dict[str, Any]]] = []
        services = HostServices({"sojourn_s_p99": 0.25}.get, self._submit, self.stub)
        self.broker = Broker(self.runtime, self.events, services)
        self.broker.admit(ID, asked, granted)

    def _submit(self, kind: str, fields: dict[str, Any]) -> str:
        self.submitted.append((kind, fields))
        return f"task-{len(self.submitted)}"

    def ask(self, name: str, /, **arguments: Any) -> Any:
        return self.runtime.run_task(self.broker.ask(ID, name, arguments))

    def refusal(self, name: str, /, **arguments: Any) -> str:
        with pytest.raises(PermissionError) as caught:
            self.ask(name, **arguments)
        return str(caught.value)


ALL = ["metrics.read", "tasks.submit", "http.fetch:hooks.example.com"]


def test_what_both_sides_grant_is_answered_and_written_down() -> None:
    desk = Desk(ALL, ALL)
    assert desk.ask("metrics.read", name="sojourn_s_p99") == 0.25
    assert desk.ask("metrics.read", name="unknown") is None
    assert desk.ask("tasks.submit", kind="report", fields={"n": 1}) == "task-1"
    reply = desk.ask("http.fetch", url="https://hooks.example.com/x", method="POST", body="hello")
    assert reply == {"status": 200, "headers": {"X": "1"}, "body": b"ok"}
    assert [(row.kind, row.subject) for row in desk.events.rows] == [("plugin.asked", ID)] * 4
    assert desk.submitted == [("report", {"n": 1})]
    assert list(desk.stub.recorded) == [("POST", "https://hooks.example.com/x", b"hello")]


@pytest.mark.parametrize(
    ("asked", "granted", "reason"),
    [
        ([], ALL, "metrics.read is not in its manifest"),
        (ALL, [], "metrics.read is asked for and not granted"),
        (["tasks.submit"], ["metrics.read"], "metrics.read is not in its manifest"),
    ],
)
def test_one_side_alone_is_not_enough(asked: list[str], granted: list[str], reason: str) -> None:
    desk = Desk(asked, granted)
    assert desk.refusal("metrics.read", name="sojourn_s_p99") == reason
    assert dict(desk.events.rows[-1].fields) == {"function": "metrics.read", "reason": reason}
    assert desk.events.rows[-1].kind == "plugin.refused"


def test_a_dismissed_plugin_and_an_unknown_function_are_refused() -> None:
    desk = Desk(ALL, ALL)
    assert "there is no host function 'os.system'" in desk.refusal("os.system", command="true")
    desk.broker.dismiss(ID)
    desk.broker.dismiss(ID)
    assert desk.refusal("metrics.read", name="x") == "it is not admitted"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("metrics.read", {"name": 1}),
        ("metrics.read", {"name": "x", "more": 1}),
        ("metrics.read", {}),
        ("tasks.submit", {"kind": "x", "fields": [1]}),
        ("http.fetch", {"url": "https://hooks.example.com/", "headers": {"a": 1}}),
        ("http.fetch", {"url": "https://hooks.example.com/", "verify": False}),
    ],
)
def test_arguments_are_typed(name: str, arguments: dict[str, Any]) -> None:
    desk = Desk(ALL, ALL)
    desk.refusal(name, **arguments)
    assert desk.submitted == []
    assert desk.stub.count == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/",
        "https://hooks.example.com.evil.org/",
        "https://hooks.example.com:8443/",
        "http://hooks.example.com:443/",
        "https://hooks.example.com@evil.org/",
        "https://user:x@hooks.example.com/",
        "https://evil.org\\@hooks.example.com/",
        "https://evil.org#@hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https:///hooks.example.com/",
        "https://hooks.example.com /",
        "https://hooks.example.com/\r\nHost: evil.org",
        "https://hooks.ex\u0430mple.com/",
        "https://[::1]/",
        "https://hooks.example.com:99999/",
        "//hooks.example.com/",
        "https://hooks.example.com/" + "x" * 3000,
    ],
)
def test_attack_by_address_is_refused(url: str) -> None:
    desk = Desk(ALL, ALL)
    desk.refusal("http.fetch", url=url)
    assert desk.stub.count == 0


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"Host": "evil.org"}},
        {"headers": {"content-length": "0"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"X\r\nHost": "evil.org"}},
        {"headers": {"X": "a\r\nHost: evil.org"}},
        {"headers": {"X": "a\x00"}},
        {"headers": {f"X-{number}": "" for number in range(33)}},
        {"method": "CONNECT"},
        {"method": "GET / HTTP/1.1\r\nHost: evil.org\r\n\r\nGET"},
        {"body": "x" * (256 << 10) + "x"},
    ],
)
def test_attack_by_smuggling_is_refused(change: dict[str, Any]) -> None:
    desk = Desk(ALL, ALL)
    desk.refusal("http.fetch", url="https://hooks.example.com/", **change)
    assert desk.stub.count == 0


def test_scopes_are_hosts_domains_and_ports() -> None:
    grants = Grants(["http.fetch:*.example.com", "http.fetch:[::1]:8080"], ["http.fetch:*.Example.com"])
    assert grants.why_not_host("http.fetch", "a.example.com", 443, 443) == ""
    assert grants.why_not_host("http.fetch", "a.b.example.com", 443, 443) == ""
    assert "not in its manifest" in grants.why_not_host("http.fetch", "example.com", 443, 443)
    assert "not in its manifest" in grants.why_not_host("http.fetch", "badexample.com", 443, 443)
    assert "not granted" in grants.why_not_host("http.fetch", "[::1]", 8080, 80)


@pytest.mark.parametrize(
    "text", ["", "http.fetch", "http.fetch:", "metrics.read:x", "os.exec", "http.fetch:*", "http.fetch:a b",
             "http.fetch:a/b", "http.fetch:host:0", "http.fetch:host:99999", "http.fetch:*.*.com"],
)  # fmt: skip
def test_a_permission_that_does_not_parse_names_its_key(text: str) -> None:
    with pytest.raises(ConfigError, match=r"plugins\.x\.permissions"):
        parse(text, "plugins.x.permissions")


def test_the_stub_keeps_a_bounded_number() -> None:
    from sim.integration.plugins.broker import stub

    desk = Desk(ALL, ALL)
    for _ in range(3):
        desk.ask("http.fetch", url="https://hooks.example.com/")
    assert (desk.stub.count, len(desk.stub.recorded)) == (3, 3)
    assert desk.stub.recorded.maxlen == stub.KEPT_MAX
