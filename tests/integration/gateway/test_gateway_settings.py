"""The source's settings: its YAML block as written, and each key flipped with the behaviour that changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from sim.errors import ConfigError
from sim.integration.gateway.settings import GatewayConfig
from tests.integration.gateway.rig import Rig

SOURCE = """
host: "0.0.0.0"
port: 8000
enable_docs: true
enable_cors: true
cors_origins: ["*"]
trusted_hosts: ["*"]
rate_limiting: true
default_rate_limit: 100
authentication: true
request_logging: true
response_logging: true
metrics_collection: true
"""


def test_the_sources_block_is_accepted_and_each_value_is_its_own() -> None:
    told = yaml.safe_load(SOURCE)
    config = Rig(told).gateway.config
    for key, value in told.items():
        assert getattr(config, key) == (tuple(value) if isinstance(value, list) else value), key


def kinds(rig: Rig) -> set[str]:
    return {row.kind for row in rig.gateway.access_log.rows}


def origin_marks(rig: Rig) -> str | None:
    return rig.call("GET", "/v1/status", headers={"Origin": "https://a.example"}).header("access-control-allow-origin")


def preflight(rig: Rig) -> int:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    return rig.call("OPTIONS", "/v1/nodes", None, headers=asked).status


def flood(rig: Rig, count: int = 12) -> int:
    return sum(rig.call("GET", "/v1/status").status == 200 for _ in range(count))


class Recorder:
    """A server that listens nowhere."""

    def __init__(self, gateway: Any) -> None:
        self.config = gateway.config

    async def start(self) -> int:
        return int(self.config.port) or 4711

    async def stop(self) -> None:
        return None


def started(rig: Rig) -> str:
    """Where it listens, or the key that it was refused for."""
    try:
        rig.runtime.run_task(rig.gateway.start())
    except ConfigError as error:
        return error.key
    return f"{rig.gateway.config.host}:{rig.gateway.port}"


def at_host(host: bytes) -> Callable[[Rig], int]:
    def call(rig: Rig) -> int:
        pairs = [(b"host", host), (b"x-api-key", rig.keys["admin"].encode())]
        return rig.call("GET", "/v1/status", raw_headers=pairs).status

    return call


def unauthenticated(rig: Rig) -> int:
    return rig.call("GET", "/v1/status", None).status


def of(path: str) -> Callable[[Rig], int]:
    return lambda rig: rig.call("GET", path).status


def logged(rig: Rig) -> set[str]:
    rig.call("GET", "/v1/status")
    return kinds(rig)


def after_a_minute(rig: Rig) -> int:
    flood(rig)
    rig.pass_time(6.0)
    return flood(rig)


OPEN = {"cors_origins": ["https://a.example"]}
FEW = {"default_rate_limit": 10}
BEYOND = {"host": "0.0.0.0", "trusted_hosts": ["*"]}
FLIPS: list[tuple[dict[str, Any], dict[str, Any], Callable[[Rig], Any], Any, Any]] = [
    # settings, what is flipped, what is looked at, before, after
    ({}, {"host": "0.0.0.0"}, started, "127.0.0.1:8000", "host"),
    ({"host": "0.0.0.0"}, {"allow_plaintext": True}, started, "host", "0.0.0.0:8000"),
    ({"host": "0.0.0.0"}, {"tls_cert": "c.pem", "tls_key": "k.pem"}, started, "host", "0.0.0.0:8000"),
    ({}, {"port": 0}, started, "127.0.0.1:8000", "127.0.0.1:4711"),
    ({}, {"enable_docs": False}, of("/docs"), 200, 404),
    ({}, {"enable_docs": False}, of("/openapi.json"), 200, 404),
    (OPEN, {"enable_cors": False}, origin_marks, "https://a.example", None),
    ({}, OPEN, origin_marks, None, "https://a.example"),
    ({}, {"cors_origins": ["*"]}, origin_marks, None, "*"),
    ({}, OPEN, preflight, 403, 204),
    (OPEN, {"enable_cors": False}, preflight, 204, 401),
    ({}, {"trusted_hosts": ["*"]}, at_host(b"gate.example"), 421, 200),
    ({}, {"trusted_hosts": ["*.example"]}, at_host(b"gate.example"), 421, 200),
    ({"trusted_hosts": ["*.example"]}, {"trusted_hosts": ["*.other"]}, at_host(b"gate.example"), 200, 421),
    (FEW, {"rate_limiting": False}, flood, 10, 12),
    (FEW, {"default_rate_limit": 11}, flood, 10, 11),
    (FEW, {"rate_burst": 3}, flood, 10, 3),
    (FEW, {"rate_period_s": 6.0}, after_a_minute, 1, 10),
    (FEW, {"address_rate_limit": 4}, flood, 10, 4),
    ({}, {"authentication": False}, unauthenticated, 401, 200),
    ({}, {"request_logging": False}, logged, {"request", "response"}, {"response"}),
    ({}, {"response_logging": False}, logged, {"request", "response"}, {"request"}),
    ({}, {"metrics_collection": False}, of("/metrics"), 200, 404),
    ({}, {"body_bytes_max": 3}, lambda rig: rig.call("POST", "/v1/nodes", body={"a": 1}).status, 422, 413),
    ({}, {"header_count_max": 1}, of("/v1/status"), 200, 431),
    ({}, {"header_bytes_max": 60}, of("/v1/status"), 200, 431),
    ({}, {"uri_bytes_max": 5}, of("/v1/status"), 200, 414),
    ({}, {"status_page": "none"}, lambda rig: rig.call("GET", "/status", None).status, 200, 401),
    (BEYOND, {"status_page": "open"}, lambda rig: rig.call("GET", "/", None).status, 401, 200),
    ({}, {"token_issuer": "other"}, lambda rig: rig.gateway.tokens.issuer, "victor-sim", "other"),  # type: ignore[union-attr]
]


@pytest.mark.parametrize("flip", FLIPS, ids=lambda flip: "-".join(flip[1]))
def test_each_key_changes_what_it_says(
    flip: tuple[dict[str, Any], dict[str, Any], Callable[[Rig], Any], Any, Any],
) -> None:
    settings, change, look, before, after = flip
    parts = {"make_server": Recorder}
    assert look(Rig(dict(settings), dict(parts))) == before
    assert look(Rig({**settings, **change}, dict(parts))) == after


def test_every_key_of_the_source_is_flipped() -> None:
    flipped = {key for _, change, *_ in FLIPS for key in change}
    assert set(yaml.safe_load(SOURCE)) <= flipped


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"hosts": "a"}, "hosts"), ({"port": -1}, "port"), ({"port": True}, "port"),
        ({"enable_docs": 1}, "enable_docs"),
        ({"default_rate_limit": 0}, "default_rate_limit"), ({"cors_origins": "*"}, "cors_origins"),
        ({"rate_period_s": 0.0}, "rate_period_s"), ({"tls_cert": "a"}, "tls_key"), ({"host": "a b"}, "host"),
        ({"status_page": True}, "status_page"),
        (7, "config"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_accepted(config: Any, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        GatewayConfig.of(config)
    assert refused.value.key == key


def test_a_near_miss_is_told() -> None:
    with pytest.raises(ConfigError, match=r"did you mean rate_limiting\?"):
        GatewayConfig.of({"rate_limit": True})


def test_what_a_client_is_told_of_its_limit() -> None:
    rig = Rig({"default_rate_limit": 2, "rate_period_s": 60.0})
    told = [rig.call("GET", "/v1/status") for _ in range(3)]
    assert [answer.header("ratelimit") for answer in told] == ['"key";r=1;t=30', '"key";r=0;t=60', '"key";r=0;t=60']
    assert {answer.header("ratelimit-policy") for answer in told} == {'"key";q=2;w=60'}
    refused = told[-1]
    assert (refused.status, refused.header("retry-after")) == (429, "30")
    assert refused.json()["type"].endswith("#quota-exceeded")
    assert refused.json()["violated-policies"] == ["key"]
    rig.pass_time(30.0)
    assert rig.call("GET", "/v1/status").status == 200


def test_an_endpoint_may_have_a_limit_of_its_own() -> None:
    rig = Rig({"default_rate_limit": 100})

    async def rare() -> dict[str, int]:
        return {}

    rig.gateway.register_endpoint("/rare", "GET", rare, rate_limit=2)
    assert [rig.call("GET", "/v1/rare").status for _ in range(3)] == [200, 200, 429]
    assert rig.call("GET", "/v1/rare", "read").status == 200  # another caller's
    assert rig.call("GET", "/v1/status").header("ratelimit") == '"key";r=97;t=2'  # the refused one cost nothing
