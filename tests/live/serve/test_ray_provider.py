"""Nodes as actors of a Ray cluster: started, found dead, begun again, let go; over a stand-in whose actors are real
processes, so that each joins over a real socket and a kill is a kill.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sim.errors import ConfigError
from sim.live.serve.ray_provider import KILLED, RayProvider
from tests.live.serve.fake_ray import FakeRay
from tests.live.serve.rig import ECHO, Rig, served

RAY = ("server.provider=ray", "server.ray_address=head:6379", f"node.agents.agent={ECHO}")


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    module = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", module)
    return module


def provider_of(rig: Rig) -> RayProvider:
    assert rig.server.nodes is not None
    provider = rig.server.nodes.provider
    assert isinstance(provider, RayProvider)
    return provider


def test_actors_serve_die_come_back_and_are_let_go(ray: FakeRay, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.agents(4)
        assert ray.begun == [{"address": "head:6379", "log_to_driver": False, "logging_level": "warning"}]
        options = {"num_cpus": 0.5, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        assert ray.asked == [options, options]
        assert (await rig.order({"x": 1})).result["result"] == {"x": 1}

        victim = provider_of(rig).processes["node-0"]
        assert victim._actor in ray.actors
        victim._actor.process.kill()  # from outside: its machine is gone
        await rig.until(lambda: len(ray.actors) == 3)
        assert rig.events("node_process_ended") == ["node-0"]
        (told,) = [dict(row.fields)["reason"] for row in rig.server.log.rows if row.kind == "node_process_ended"]
        assert told == "its actor died (ActorDiedError)"
        assert victim.returncode == KILLED
        await rig.agents(4)
        assert (await rig.order({"x": 2})).state == "done"

        info = await provider_of(rig).provide()  # as the autoscaler asks for one
        assert info.node_id == "node-2"
        assert info.metadata["provider"] == "ray"
        await rig.server.fleet.manager.register_node(info)
        assert ray.running() == 3
        last = provider_of(rig).processes["node-2"]
        await rig.server.fleet.manager.remove_node("node-2", drain_s=1.0, reason="scale-in")
        await rig.until(lambda: ray.running() == 2)
        assert last.returncode == 0, "it was asked first, and its place is free"
        assert provider_of(rig).started_count == 4

    served(body, tmp_path, *RAY, "fleet.nodes=2", "server.ray_cpus=0.5")
    assert ray.running() == 0, "all are let go with the control plane"


def test_what_a_node_host_raises_is_the_reason(ray: FakeRay, tmp_path: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.until(lambda: bool(rig.events("node_process_ended")))
        (row,) = [row for row in rig.server.log.rows if row.kind == "node_process_ended"]
        assert "no_such_module" in str(dict(row.fields)["reason"])

    served(body, tmp_path, *RAY, "fleet.nodes=1", "failover=none", "node.agents.agent=no_such_module:f",
           "server.respawn=false")  # fmt: skip
    assert ray.running() == 0


def test_without_ray_the_extra_is_named_before_a_state_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    async def body(rig: Rig) -> None:
        raise AssertionError("it was served")

    with pytest.raises(ConfigError) as caught:
        served(body, tmp_path / "state", *RAY)
    assert str(caught.value) == (
        "server.provider=ray: accepted is local, or the extra of that name installed: pip install 'victor-sim[ray]'"
    )
    assert not (tmp_path / "state").exists()


def test_an_address_at_which_no_cluster_answers_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(answers=False))

    async def body(rig: Rig) -> None:
        raise AssertionError("it was served")

    with pytest.raises(ConfigError) as caught:
        served(body, tmp_path, *RAY)
    assert str(caught.value) == (
        "server.ray_address=head:6379: accepted is the address of a Ray cluster that answers "
        "(no head node at this address)"
    )
