"""The gateway behind a real loopback socket: the source's example, management, TLS, event streams."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import httpx2
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sim import APIGateway, APIVersion, DistributedManager, EndpointType
from sim.errors import ConfigError
from tests.live.running import live


async def example(state: Path) -> None:
    """The source's example as it is written; only the place to listen is ours."""

    async def my_handler() -> dict[str, str]:
        return {"hello": "world"}

    gateway = APIGateway({"port": 0}, state=state)
    gateway.register_endpoint(
        path="/custom", method="GET", handler=my_handler, version=APIVersion.V1, endpoint_type=EndpointType.REST
    )
    key = gateway.issue_key("me", "read")
    await gateway.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
            answer = await client.get("/v1/custom", headers={"X-API-Key": key})
            assert (answer.status_code, answer.json()) == (200, {"hello": "world"})
            assert (await client.get("/v1/custom")).status_code == 401
            assert (await client.get("/readyz")).status_code == 503  # no manager is connected
    finally:
        await gateway.stop()
    await gateway.stop()
    assert gateway.port is None


def test_the_sources_example(tmp_path: Path) -> None:
    live(example, tmp_path)


async def managed(state: Path) -> None:
    manager = DistributedManager({"auto_scaling": False})
    gateway = APIGateway({"port": 0, "default_rate_limit": 10_000}, manager=manager, state=state)
    key = gateway.issue_key("me", "admin")
    await gateway.start()
    headers = {"X-API-Key": key}
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", headers=headers) as client:
            node = {"node_id": "n1", "host": "10.0.0.1", "port": 80, "capacity": 2}
            assert (await client.post("/v1/nodes", json=node)).status_code == 201
            agent = {"name": "a", "type": "research", "model": "m"}
            made = [await client.post("/v1/agents", json=agent) for _ in range(3)]
            assert [one.status_code for one in made] == [201, 201, 409]  # the node is full
            assert [info.node_id for info in manager.list_agents()] == ["n1", "n1"]
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.get("/v1/status")).json()["fleet"]["agents"]["ready"] == 2
            agent_id = made[0].json()["agent_id"]
            assert (await client.delete(f"/v1/agents/{agent_id}")).status_code == 204
            assert (await client.get("/v1/agents/none")).status_code == 404
            assert (await client.get("/v1/nodes/n1")).json()["current_load"] == 1
            metrics = (await client.get("/metrics")).text
            assert 'gateway_requests_total{endpoint="POST /v1/agents",status="201"} 2.0' in metrics
    finally:
        await gateway.stop()


def test_management_reaches_the_real_manager(tmp_path: Path) -> None:
    live(managed, tmp_path)


async def streams(state: Path) -> None:
    gateway = APIGateway({"port": 0}, state=state)
    key = gateway.issue_key("me", "read")
    await gateway.start()
    url = f"ws://127.0.0.1:{gateway.port}/v1/events"
    try:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url)
        assert refused.value.response.status_code == 401
        headers = {"X-API-Key": key}
        with pytest.raises(websockets.InvalidStatus) as foreign:
            await websockets.connect(url, additional_headers=headers, origin="https://evil.example")  # type: ignore[arg-type]
        assert foreign.value.response.status_code == 403
        async with websockets.connect(url, additional_headers=headers) as stream:
            while not gateway.events.subscriptions:
                await asyncio.sleep(0)
            gateway.events.write(1.0, "node_left", "n1", reason="drained")
            assert '"reason":"drained"' in str(await stream.recv())
            await stream.send("x" * 70_000)  # beyond the bound
            with pytest.raises(websockets.ConnectionClosed):
                await stream.recv()
    finally:
        await gateway.stop()


def test_event_streams(tmp_path: Path) -> None:
    live(streams, tmp_path)


def self_signed(folder: Path) -> tuple[str, str]:
    """A certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begun = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    cert = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(begun).not_valid_after(begun + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    paths[1].write_bytes(pem)
    return str(paths[0]), str(paths[1])


async def encrypted(state: Path) -> None:
    cert, key = self_signed(state)
    gateway = APIGateway({"port": 0, "tls_cert": cert, "tls_key": key}, state=state)
    await gateway.start()
    try:
        trust = ssl.create_default_context(cafile=cert)
        async with httpx2.AsyncClient(verify=trust) as client:
            assert (await client.get(f"https://localhost:{gateway.port}/healthz")).status_code == 200
    finally:
        await gateway.stop()


def test_tls(tmp_path: Path) -> None:
    live(encrypted, tmp_path)


async def cannot_listen(state: Path) -> None:
    first = APIGateway({"port": 0}, state=state)
    await first.start()
    for config, named in (
        ({"port": first.port}, "port"),
        ({"port": 0, "tls_cert": "none.pem", "tls_key": "none.pem"}, "tls_cert"),
    ):
        with pytest.raises(ConfigError) as refused:
            await APIGateway(config, state=state).start()
        assert refused.value.key == named
    await first.stop()


def test_where_it_cannot_listen_is_named(tmp_path: Path) -> None:
    live(cannot_listen, tmp_path)


def test_keys_of_the_command_line_are_those_of_the_gateway(tmp_path: Path) -> None:
    from sim.integration.gateway.key_files import open_ring
    from sim.live.entropy import system_entropy

    key = open_ring(tmp_path / "keys", system_entropy).issue("ops", ("operate",), 0.0)
    gateway = APIGateway(state=tmp_path)
    assert gateway.keys is not None
    found = gateway.keys.verify(key, 1.0)
    assert found is not None
    assert found.name == "ops"
