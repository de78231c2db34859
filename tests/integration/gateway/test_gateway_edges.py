"""The gateway's edges: what it refuses without parts, what it tells sinks and metrics, and the ends of its books."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.errors import ConfigError, DeployError, FleetError, InputError
from sim.integration.gateway import keys as keys_module
from sim.integration.gateway import router as router_module
from sim.integration.gateway.access_log import AccessRow
from sim.integration.gateway.exchange import Request, Response
from sim.integration.gateway.fleet_face import FleetFace
from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.guard import CLOSE, Guard
from sim.integration.gateway.key_files import PEPPER, open_ring
from sim.integration.gateway.keys import KeyRing
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.quota import network_of
from sim.integration.gateway.settings import GatewayConfig
from sim.runtime.virtual import VirtualRuntime
from tests.integration.gateway.rig import Entropy, Rig


def test_every_row_of_the_log_goes_to_its_sink() -> None:
    rows: list[AccessRow] = []
    rig = Rig(parts={"log_sink": rows.append})
    assert rig.call("GET", "/v1/status").status == 200
    assert [(row.kind, row.path, row.status) for row in rows] == [
        ("request", "/v1/status", 0), ("response", "/v1/status", 200),
    ]  # fmt: skip
    assert list(rig.gateway.access_log.rows) == rows


class Hooks:
    """Answers `/v1/stopped` itself, and marks every answer."""

    async def before(self, request: Request) -> Response | None:
        return Response.of("stopped") if request.path == "/v1/stopped" else None

    async def after(self, request: Request, response: Response) -> Response:
        response.headers = (*response.headers, (b"x-after", request.path.encode()))
        return response


def test_hooks_stand_before_and_after_the_handler() -> None:
    rig = Rig(parts={"hooks": Hooks()})
    served: list[str] = []

    def serve(request: Request) -> str:
        served.append(request.path)
        return "served"

    for name in ("stopped", "served"):
        rig.gateway.register_endpoint(f"/{name}", handler=serve)
    stopped, answer = (rig.call("GET", f"/v1/{name}") for name in ("stopped", "served"))
    assert (stopped.body, answer.body, served) == (b"stopped", b"served", ["/v1/served"])
    assert (stopped.header("x-after"), answer.header("x-after")) == ("/v1/stopped", "/v1/served")


def test_a_gateway_about_to_stop_takes_nothing_new() -> None:
    rig = Rig()
    rig.runtime.run_task(rig.gateway.stop())
    answer = rig.call("GET", "/v1/status")
    assert (answer.status, answer.json()["detail"]) == (503, "the gateway is about to stop")
    assert answer.header("retry-after") == "1"


def test_too_many_under_way_are_refused_and_those_without_a_scope_are_not() -> None:
    rig = Rig(config={"requests_max": 4})
    rig.gateway.metrics.in_flight = 4
    assert rig.call("GET", "/v1/status").json()["detail"] == "too many requests are under way"
    assert rig.call("GET", "/healthz").status == 200


def test_without_logs_nothing_is_told_of_a_path() -> None:
    rig = Rig(config={"request_logging": False, "response_logging": False})
    assert rig.call("GET", "/v1/status").status == 200
    assert not rig.gateway.access_log.rows


def test_a_gateway_without_a_manager_says_so() -> None:
    rig = Rig()
    assert rig.call("GET", "/v1/nodes").json()["detail"] == "no manager is connected to this gateway"
    assert rig.call("GET", "/v1/tasks/a").json()["detail"] == "no tasks are taken by this gateway"


class Forgetful:
    """Knows an agent of every name, all of them stopped or gone."""

    def get_agent(self, agent_id: str) -> Any:
        raise DeployError(agent_id, "nobody")


def test_an_agent_that_the_manager_forgot_is_not_there() -> None:
    face = FleetFace(lambda: Forgetful())  # type: ignore[arg-type,return-value]
    with pytest.raises(Problem, match="404 no such agent"):
        face._agent("agent-1")


def test_a_stopped_agent_is_not_served() -> None:
    rig = Rig(fleet=True)
    assert rig.call("POST", "/v1/nodes", body={"node_id": "a", "host": "h", "port": 1, "capacity": 2}).status == 201
    rig.parts["manager"].heartbeat("a")
    agent = rig.call("POST", "/v1/agents", body={"name": "a", "type": "t", "model": "m"})
    path = f"/v1/agents/{agent.json()['agent_id']}"
    assert rig.call("DELETE", path).status == 204
    assert rig.call("GET", path).status == 404


def test_keys_need_entropy_and_a_server_is_needed_to_listen() -> None:
    with pytest.raises(ConfigError, match="entropy"):
        APIGateway({}, runtime=VirtualRuntime())
    open_one = APIGateway({"authentication": False}, runtime=VirtualRuntime())
    with pytest.raises(ConfigError, match="authentication"):
        open_one.issue_key("a", "read")
    rig = Rig()
    with pytest.raises(ConfigError, match="make_server"):
        rig.runtime.run_task(rig.gateway.start())


def test_beyond_loopback_it_is_encrypted_and_has_keys() -> None:
    rig = Rig(config={"host": "0.0.0.0"})
    with pytest.raises(ConfigError, match="allow_plaintext"):
        rig.runtime.run_task(rig.gateway.start())
    bare = APIGateway({"host": "0.0.0.0", "allow_plaintext": True}, runtime=VirtualRuntime(), entropy=Entropy())
    with pytest.raises(ConfigError, match="at least one key"):
        VirtualRuntime().run_task(bare.start())


def test_lifespan_is_answered_until_it_ends() -> None:
    rig = Rig()
    said = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    told: list[str] = []

    async def receive() -> dict[str, Any]:
        return said.pop(0)

    async def send(message: dict[str, Any]) -> None:
        told.append(message["type"])

    rig.runtime.run_task(rig.gateway({"type": "lifespan"}, receive, send))
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    rig.runtime.run_task(rig.gateway({"type": "other"}, receive, send))
    assert len(told) == 2


def test_a_header_that_may_come_twice_is_joined_and_another_refused() -> None:
    guard = Guard(GatewayConfig.of({}))
    pairs = [(b"host", b"localhost"), (b"accept", b"a"), (b"accept", b"b")]
    scope = {"path": "/v1/x", "headers": pairs, "http_version": "1.1", "raw_path": b"/v1/x", "query_string": b""}
    assert guard.headers(scope)[b"accept"] == b"a, b"
    with pytest.raises(Problem, match="came twice") as caught:
        guard.headers({**scope, "headers": [*pairs, (b"host", b"localhost")]})
    assert caught.value.headers == CLOSE


def test_memory_of_paths_and_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "HOSTS_MAX", 1)
    monkeypatch.setattr(Guard, "PATHS_MAX", 1)
    guard = Guard(GatewayConfig.of({}))
    for port in range(3):
        host, path = f"localhost:{port}".encode(), f"/v1/{port}"
        scope = {"path": path, "headers": [(b"host", host)], "http_version": "1.1", "raw_path": path.encode(),
                 "query_string": b""}  # fmt: skip
        assert guard.headers(scope)[b"host"] == host
    assert (list(guard._plain_hosts), list(guard._plain_paths)) == ([b"localhost:0"], ["/v1/0"])


def test_a_ring_on_disk_refuses_what_is_damaged_and_revokes_for_good(tmp_path: Path) -> None:
    ring = open_ring(tmp_path, Entropy())
    key = ring.issue("a", ("read",), 0.0)
    assert ring.verify(key, 1.0) is not None
    key_id = ring.find("a").key_id
    assert ring.live(key_id, 1.0) is not None
    assert ring.revoke("a", 2.0).revoked_at == ring.revoke("a", 5.0).revoked_at == 2.0
    assert (ring.verify(key, 3.0), ring.live(key_id, 3.0)) == (None, None)
    (tmp_path / PEPPER).write_bytes(b"short")
    with pytest.raises(InputError, match="5 bytes where 32 are needed"):
        open_ring(tmp_path, Entropy())


def test_a_ring_without_a_file_has_no_keys(tmp_path: Path) -> None:
    ring = open_ring(tmp_path, Entropy())
    ring.issue("a", ("read",), 0.0)
    (tmp_path / "keys.json").unlink()
    assert ring.live(ring.find("a").key_id, 100.0) is None
    assert len(ring) == 0


class Twice(Entropy):
    """The same four bytes for the first two keys."""

    ids_count = 0

    def __call__(self, size: int) -> bytes:
        found = super().__call__(size)
        if size != keys_module.PREFIX_BYTES:
            return found
        self.ids_count += 1
        return b"same" if self.ids_count <= 2 else found


def test_two_keys_never_share_an_id() -> None:
    ring = KeyRing(b"p" * keys_module.SECRET_BYTES, Twice())
    for name in ("a", "b"):
        ring.issue(name, ("read",), 0.0)
    first, second = (record.key_id for record in ring.records())
    assert first == b"same".hex() != second
    assert (ring.find(second).name, ring.find("a").key_id) == ("b", first)
    with pytest.raises(ConfigError, match="pepper"):
        KeyRing(b"short", Entropy())
    with pytest.raises(ConfigError, match="scope"):
        ring.issue("c", (), 0.0)


def test_metrics_tell_refusals_and_gauges() -> None:
    rig = Rig(config={"default_rate_limit": 1})
    rig.gateway.metrics.gauges["fleet_nodes"] = ("Nodes of the fleet", lambda: 3.0)
    assert [rig.call("GET", "/v1/status").status for _ in range(2)] == [200, 429]
    text = rig.gateway.metrics.text().decode()
    assert 'gateway_rate_limited_total{bucket="key"} 1.0' in text
    assert "fleet_nodes 3.0" in text


class Plugins:
    def routes_to(self, gateway: Any) -> None:
        """Nothing to bring."""

    def list_plugins(self) -> list[Any]:
        return [{"plugin_id": "a"}]

    async def load_plugin(self, plugin_id: str) -> str:
        if plugin_id == "gone":
            raise KeyError(plugin_id)
        raise FleetError("it will not load")


def test_a_plugin_that_is_not_there_and_one_that_will_not() -> None:
    rig = Rig(parts={"plugins": Plugins()})
    gone, refused = (rig.call("POST", f"/v1/plugins/{name}/load") for name in ("gone", "a"))
    assert (gone.status, refused.status, refused.json()["detail"]) == (404, 409, "it will not load")
    assert rig.gateway.status()["plugins"] == 1


def test_an_address_that_is_none_is_its_own_network() -> None:
    assert [network_of(one) for one in ("unix:", "10.0.0.7", "::ffff:10.0.0.7", "2001:db8::1")] == [
        "unix:", "10.0.0.7", "10.0.0.7", "2001:db8::/64",
    ]  # fmt: skip


@pytest.mark.parametrize(("change", "key"), [({"path": "x"}, "path"), ({"scope": "root"}, "scope")])
def test_an_endpoint_that_cannot_be_is_named(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        Rig().gateway.register_endpoint(**{"path": "/x", "handler": lambda: "", **change})


def test_parameters_of_one_shape_have_one_name_and_endpoints_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.gateway.register_endpoint("/x/{a}", handler=lambda: "")
    rig.gateway.register_endpoint("/x/{a}", "POST", handler=lambda: "")
    with pytest.raises(ConfigError, match="parameters' names"):
        rig.gateway.register_endpoint("/x/{b}", "PUT", handler=lambda: "")
    monkeypatch.setattr(router_module, "ROUTES_MAX", len(rig.gateway.router))
    with pytest.raises(ConfigError, match="at most"):
        rig.gateway.register_endpoint("/y", handler=lambda: "")


def test_one_half_of_tls_is_none() -> None:
    with pytest.raises(ConfigError, match="tls_key"):
        GatewayConfig.of({"tls_cert": "a.pem"})
