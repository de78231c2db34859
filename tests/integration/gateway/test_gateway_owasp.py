"""OWASP API Security Top 10 (2023), one test or more for each, named for it."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import ConfigError
from sim.integration.gateway.redact import redact
from tests.integration.gateway.rig import Rig, send_to


class Slow:
    """Tasks that take a virtual minute."""

    def __init__(self) -> None:
        self.rig: Rig | None = None

    async def run(self, order: Any) -> dict[str, Any]:
        assert self.rig is not None
        await self.rig.runtime.sleep(60.0)
        return {"secret": order.input}


def rig_with_tasks(**config: Any) -> Rig:
    slow = Slow()
    slow.rig = rig = Rig({"default_rate_limit": 100_000, **config}, {"tasks": slow})
    return rig


def test_api1_nobody_sees_or_stops_the_tasks_of_another_key() -> None:
    rig = rig_with_tasks()
    mine = rig.call("POST", "/v1/tasks", "operate", {"input": {"a": 1}}).json()["task_id"]
    other = rig.gateway.issue_key("other", "operate")
    absent = rig.call("GET", "/v1/tasks/task-99999999", other)
    for method in ("GET", "DELETE"):
        foreign = rig.call(method, f"/v1/tasks/{mine}", other)
        assert foreign.status == 404
        assert foreign.json()["detail"] == absent.json()["detail"]  # not even that it is there
    assert rig.call("GET", f"/v1/tasks/{mine}", "operate").json()["state"] == "running"
    assert rig.call("DELETE", f"/v1/tasks/{mine}", "admin").json()["state"] == "cancelled"
    assert rig.call("GET", f"/v1/tasks/{mine}", "operate").status == 404
    assert rig.gateway.desk is not None
    rig.pass_time(100.0)
    assert (len(rig.gateway.desk), rig.gateway.desk.running_count) == (0, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"X-API-Key": ""}, {"X-API-Key": "vs_"}, {"X-API-Key": "null"}, {"Authorization": "Bearer"},
        {"Authorization": "Bearer "}, {"Authorization": "Basic YWRtaW46YWRtaW4="}, {"Authorization": "undefined"},
        {"X-API-Key": "\xff" * 20}, {"X-API-Key": "A" * 5000}, {"Cookie": "session=admin"},
    ],
)  # fmt: skip
def test_api2_broken_credentials_let_nobody_in(headers: dict[str, str]) -> None:
    answer = Rig().call("GET", "/v1/nodes", None, headers=headers)
    assert answer.status == 401
    assert answer.header("www-authenticate") is not None


def test_api2_an_error_in_the_check_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()

    def broken(*_: Any) -> None:
        raise OSError("the key store is away")

    monkeypatch.setattr(rig.gateway.keys, "verify", broken)
    answer = rig.call("GET", "/v1/nodes")
    assert answer.status == 401
    assert b"store" not in answer.body


def test_api3_what_is_not_named_cannot_be_set() -> None:
    rig = Rig(fleet=True)
    node = {"node_id": "n", "host": "h", "port": 1}
    for extra in ({"status": "online"}, {"current_load": 5}, {"last_heartbeat": 1.0}, {"is_admin": True}):
        assert rig.call("POST", "/v1/nodes", body={**node, **extra}).status == 422, extra
    assert rig.gateway.manager is not None
    assert rig.gateway.manager.list_nodes() == []


def test_api4_resources_are_bounded() -> None:
    rig = rig_with_tasks(tasks_max=3, body_bytes_max=1_000)
    sent = [rig.call("POST", "/v1/tasks", "operate", {}).status for _ in range(4)]
    assert sent == [202, 202, 202, 503]
    rig.pass_time(61.0)
    assert rig.call("POST", "/v1/tasks", "operate", {}).status == 202  # the place of one that ended
    assert rig.call("POST", "/v1/tasks", "operate", {"input": {"a": "x" * 1_000}}).status == 413


def test_api5_every_function_needs_its_scope() -> None:
    """Who may read changes nothing; who may operate administers nothing: over the whole table."""
    rig = Rig({"default_rate_limit": 100_000})
    closed = [route for route in rig.gateway.router.routes() if route.scope is not None and route.method != "WEBSOCKET"]
    assert len(closed) > 20
    for route in closed:
        path = route.path.replace("{", "").replace("}", "")
        assert rig.call(route.method, path, None).status == 401, route
        if route.method != "GET":
            assert rig.call(route.method, path, "read").status == 403, route
        if route.scope == "admin":
            assert rig.call(route.method, path, "operate").status == 403, route


def test_api6_a_flow_is_as_slow_as_its_limit_whoever_runs_it() -> None:
    """One address with many keys is bounded by its address."""
    rig = Rig({"address_rate_limit": 5})
    keys = [rig.gateway.issue_key(f"k{number}", "read") for number in range(10)]
    assert [rig.call("GET", "/v1/status", key).status for key in keys] == [200] * 5 + [429] * 5
    assert rig.call("GET", "/v1/status", keys[0], client="10.0.0.9").status == 200


def test_api6_an_ipv6_host_is_its_network() -> None:
    rig = Rig({"address_rate_limit": 2})
    clients = [f"2001:db8:0:7::{number:x}" for number in range(1, 5)]
    assert [rig.call("GET", "/v1/status", client=one).status for one in clients] == [200, 200, 429, 429]
    assert rig.call("GET", "/v1/status", client="2001:db8:0:8::1").status == 200


def test_api7_the_gateway_follows_no_address_that_a_client_names() -> None:
    """A node's host is data: registering one asks nothing of it."""
    rig = Rig(fleet=True)
    told = rig.call("POST", "/v1/nodes", body={"node_id": "n", "host": "169.254.169.254", "port": 80})
    assert told.status == 201  # and the test has no network


def test_api8_closed_unless_opened() -> None:
    gateway = Rig().gateway
    config = gateway.config
    assert config.is_loopback
    assert (config.cors_origins, config.trusted_hosts, config.allow_plaintext) == ((), (), False)
    assert config.authentication
    assert config.rate_limiting
    opened = sorted(route.path for route in gateway.router.routes() if route.scope is None)
    assert opened == ["/", "/healthz", "/readyz", "/status"]  # a page without data, on loopback alone
    beyond = Rig({"host": "0.0.0.0", "allow_plaintext": True}).gateway
    assert sorted(route.path for route in beyond.router.routes() if route.scope is None) == ["/healthz", "/readyz"]
    answer = Rig().call("GET", "/v1/status")
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("server") is None
    for origin in ("https://evil.example", "null", "http://localhost"):
        page = Rig().call("GET", "/v1/status", headers={"Origin": origin})
        assert page.header("access-control-allow-origin") is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "gateway.example.org"])
def test_api8_beyond_loopback_nothing_starts_by_accident(host: str) -> None:
    for config, key in (({}, "host"), ({"allow_plaintext": True}, "keys")):
        rig = Rig({"host": host, **config})
        assert rig.gateway.keys is not None
        if key == "keys":
            rig.gateway.keys._records.clear()
        with pytest.raises(ConfigError) as refused:
            rig.runtime.run_task(rig.gateway.start())
        assert refused.value.key == key


def test_api9_every_endpoint_is_in_the_document() -> None:
    rig = Rig()

    async def custom() -> dict[str, int]:
        return {}

    rig.gateway.register_endpoint("/custom", "GET", custom)
    told = rig.call("GET", "/openapi.json", "read").json()
    for route in rig.gateway.router.routes():
        if route.method != "WEBSOCKET":
            operation = told["paths"][route.path][route.method.lower()]
            wanted = [] if route.scope is None else [{"apiKey": [route.scope]}, {"bearer": [route.scope]}]
            assert operation["security"] == wanted, route
    shown = rig.call("GET", "/docs", "read")
    page = shown.body.decode()
    assert str(shown.header("content-security-policy")).startswith("default-src 'none'")
    assert "/v1/custom" in page
    assert "<script" not in page


def test_api10_what_others_say_is_not_trusted() -> None:
    """An agent's error may hold anything: its text does not reach the client, an error of ours without its secrets."""

    class Broken:
        async def run(self, order: Any) -> dict[str, Any]:
            raise ValueError("password=hunter2")

    rig = Rig(parts={"tasks": Broken()})
    told = rig.call("POST", "/v1/tasks", "operate", {"wait_s": 1.0})
    assert told.json()["state"] == "failed"
    assert b"hunter2" not in told.body

    async def leaks() -> None:
        raise RuntimeError("password=hunter2")

    rig.gateway.register_endpoint("/leaks", "GET", leaks)
    answer = rig.call("GET", "/v1/leaks")
    assert answer.status == 500
    assert b"hunter2" not in answer.body
    assert all("hunter2" not in str(row) for row in rig.gateway.access_log.rows)


def test_a_secret_is_in_no_log_metric_error_or_event() -> None:
    """A canary key, shown everywhere a careless client might put it."""
    rig = Rig({"default_rate_limit": 100_000}, fleet=True)
    canary = rig.gateway.issue_key("canary", "admin")
    assert rig.gateway.tokens is not None
    assert rig.gateway.keys is not None
    token = rig.gateway.tokens.make(rig.gateway.keys.find("canary"), rig.runtime.wall_at())
    answers = []
    for secret in (canary, token):
        for call in (
            {"path": f"/v1/nodes/{secret}"}, {"path": f"/{secret}"},
            {"path": "/v1/status", "query": b"key=" + secret.encode()},
            {"path": "/v1/status", "headers": {"User-Agent": secret, "X-Request-Id": secret}},
            {"path": "/v1/status", "headers": {"Authorization": f"Bearer {secret}"}},
        ):  # fmt: skip
            answers.append(rig.call("GET", key=canary if "headers" not in call else None, **call))
        answers.append(
            rig.call("POST", "/v1/nodes", canary, {"node_id": secret, "host": secret, "port": "x", secret: 1})
        )
        answers.append(
            rig.call("POST", "/v1/agents", canary, {"name": secret, "type": "t", "model": "m", "node_id": "n"})
        )
        answers.append(rig.call("DELETE", f"/v1/tasks/{secret}", canary))
        answers.append(rig.call("POST", "/v1/nodes", canary, b"{" + secret.encode()))
    assert {answer.status for answer in answers} >= {200, 401, 404, 422, 503, 400}
    rig.gateway.events.write(0.0, "kind", canary, reason=f"by {token}")
    seen = [str(row) for row in rig.gateway.access_log.rows]
    seen += [str(answer.headers) + answer.body.decode() for answer in answers]
    seen += [rig.gateway.metrics.text().decode(), str(rig.gateway.status()), str(rig.gateway.keys.records())]
    assert len(seen) > 30
    for secret in (canary, token, canary.split("_", 2)[2], token.rsplit(".", 1)[1]):
        assert not [text for text in seen if secret in text]


@pytest.mark.parametrize(
    ("text", "told"),
    [("GET /v1/nodes", "GET /v1/nodes"), ("a\nb\x1b[0m", "a?b?[0m"), ("x" * 5_000, "x" * 512),
     ("Authorization: Bearer abc.def", "Authorization: [redacted]")],
)  # fmt: skip
def test_a_log_line_is_one_line_and_short(text: str, told: str) -> None:
    assert redact(text) == told


def test_a_key_that_is_revoked_while_its_request_is_under_way_gets_its_answer_and_no_other() -> None:
    rig = rig_with_tasks()
    assert rig.gateway.keys is not None

    async def both() -> tuple[int, int]:
        headers = {"X-API-Key": rig.keys["operate"]}
        body = {"wait_s": 100.0}
        first = rig.runtime.spawn(send_to(rig.gateway, "POST", "/v1/tasks", headers, body))
        await rig.runtime.sleep(1.0)
        assert rig.gateway.keys is not None
        rig.gateway.keys.revoke("operate", rig.runtime.wall_at())
        second = await send_to(rig.gateway, "GET", "/v1/status", headers)
        return (await first.join()).status, second.status

    assert rig.runtime.run_task(both()) == (202, 401)  # it waits 30 s at most, then goes on without its client
