"""A served fleet with plugins and the optimizer: the same objects as in a run, over loopback sockets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sim.errors import ConfigError
from sim.live.serve.tuned import FAILED, UNSAID, said_by
from tests.integration.gateway.rig import send_to
from tests.live.serve.rig import ECHO, Rig, served

SHOWS = "tests.live.serve.plugin_node:shows"
CODE = """
class Plugin:
    def __init__(self, context):
        self.context, self.heard = context, []
        self.context.provide("route", "heard", self.route)

    async def route(self):
        return self.heard

    def startup(self, payload):
        self.heard.append(["startup", payload["nodes"], payload["agents"]])

    def before_request(self, payload):
        if payload["input"].get("evil"):
            return {"reject": "evil"}

    def before_route(self, payload):
        return {"prefer": ["right"]}

    def after_response(self, payload):
        self.heard.append([payload["status"], payload["node"]])

    def agent_deployed(self, payload):
        self.heard.append(["agent", payload["node"]])

    def node_state_changed(self, payload):
        self.heard.append([payload["node"], payload["new"]])
"""
HOOKS = ["startup", "before_request", "before_route", "after_response", "agent_deployed", "node_state_changed"]


def guard_at(folder: Path) -> str:
    """A plugin of all that is asked here; its content hash, which makes it trusted."""
    from sim.integration.plugins.folder import read_folder

    own = folder / "custom.looks"
    own.mkdir(parents=True)
    (own / "code.py").write_text(CODE, encoding="utf-8")
    manifest = f'id = "custom.looks"\nversion = "1.0.0"\nmodule = "code"\nhooks = {json.dumps(HOOKS)}\nhost = ">=0.1"\n'
    (own / "manifest.toml").write_text(manifest + 'provides = ["route:heard"]\n', encoding="utf-8")
    found = read_folder(own, folder)
    assert not found.faults, found.faults
    return found.content_hash


async def called(rig: Rig, key: str, method: str, path: str, body: Any = None) -> Any:
    return await send_to(rig.server.gateway, method, path, {"X-API-Key": key}, body)


async def plugged(rig: Rig) -> None:
    gateway = rig.server.gateway
    key = gateway.issue_key("test", "admin")
    for name in ("left", "right"):
        rig.node(name, ECHO)
    await rig.agents(4)
    listed = await called(rig, key, "GET", "/v1/plugins")
    assert {one["plugin_id"]: one["state"] for one in listed.json()}["custom.looks"] == "enabled"
    for _ in range(6):  # without the plugin both nodes get some
        record = await rig.order({})
        assert record.result["node_id"] == "right"
    record = await rig.order({"evil": True})
    assert (record.state, "rejected by a plugin: evil" in record.error) == ("failed", True)
    heard = (await called(rig, key, "GET", "/v1/plugins/custom.looks/routes/heard")).json()
    assert heard[0] == ["startup", 0, 0]  # nodes of others join when they like
    assert sorted(one[1] for one in heard if one[0] == "agent") == ["left", "left", "right", "right"]
    assert [one for one in heard if one[0] in ("ok", "rejected")] == [["ok", "right"]] * 6 + [["rejected", ""]]
    assert (await called(rig, key, "POST", "/v1/nodes/left/drain")).status == 200
    assert ["left", "draining"] in (await called(rig, key, "GET", "/v1/plugins/custom.looks/routes/heard")).json()
    answer = await called(rig, key, "POST", "/v1/plugins/custom.looks/disable")
    assert answer.status == 200
    assert (await rig.order({"evil": True})).state == "done"
    assert (await called(rig, key, "GET", "/v1/plugins/custom.looks/routes/heard")).status == 404
    assert [row.kind for row in rig.server.log.rows if row.subject == "custom.looks"][-1] == "plugin.disabled"


def test_plugins_stand_at_the_decisions_of_a_served_fleet(tmp_path: Path) -> None:
    trusted = guard_at(tmp_path / "plugins")
    served(
        plugged, tmp_path / "state", "server.provider=none", "balancer=round_robin",
        f"plugins.folders=[{tmp_path / 'plugins'}]", "plugins.enabled=[custom.looks]",
        f"+plugins.trusted={{custom.looks: {trusted}}}",
    )  # fmt: skip


async def tuned(rig: Rig) -> None:
    gateway, found = rig.server.gateway, rig.server.extras.tuned
    assert found is not None
    key = gateway.issue_key("test", "admin")
    rig.node("one", SHOWS)
    await rig.agents(2)
    seen: set[tuple[float, ...]] = set()
    while len(seen) < 2 or [sample.arm for sample in found.optimizer.store.samples()].count("explore") < 2:
        for record in await asyncio.gather(*(rig.order({}) for _ in range(8))):
            seen.add(tuple(record.result["result"]["settings"].values()))
    assert (0.7, 2_000, 8_192) in seen  # what stands; the others were on trial, and reached the agent
    own = await rig.order({"settings": {"temperature": 0.1}})
    assert own.result["result"]["settings"] == {"temperature": 0.1}  # a client's own is left alone
    for sample in found.optimizer.store.samples():
        assert sample.cpu_usage == pytest.approx(sample.model_parameters["max_tokens"] / 10_000, abs=1e-9)
        assert sample.success_rate == 1.0
        assert sample.interaction_count >= 2
    answer = await called(rig, key, "POST", "/v1/optimizations", {"agent_id": "fleet", "target": "resource_usage"})
    assert answer.status == 200
    assert (answer.json()["agent_id"], answer.json()["improvement_percentage"]) == ("fleet", 0.0)
    assert "1000" in answer.json()["reason"]  # too few samples yet: it says so, and claims nothing
    listed = await called(rig, key, "GET", "/v1/optimizations")
    assert [one["target"] for one in listed.json()][-1] == "resource_usage"


def test_the_optimizer_learns_from_what_tasks_really_get(tmp_path: Path) -> None:
    served(
        tuned, tmp_path / "state", "server.provider=none", "optimizer=default", "optimizer.window_s=0.2",
        "optimizer.window_requests_min=2", "optimizer.canary_ratio=0.5", "optimizer.min_data_points=1000",
        "optimizer.model_types={}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("override", "key"), [("optimizer.unit=agent", "optimizer.unit"), ("plugins.journal=true", "plugins.journal")]
)
def test_what_only_a_run_has_is_refused(override: str, key: str, tmp_path: Path) -> None:
    async def never(rig: Rig) -> None:
        raise AssertionError("it was served")

    with pytest.raises(ConfigError) as caught:
        served(never, tmp_path / "state", "server.provider=none", "optimizer=default", override)
    assert caught.value.key == key


def test_an_answer_says_what_it_may() -> None:
    assert said_by({"metrics": {"success_rate": 0.5, "error_rate": 7.0, "other": 1.0}}) == {
        **UNSAID,
        "success_rate": 0.5,
    }
    assert said_by({"metrics": {"user_satisfaction": True, "resource_usage": "0.3"}}) == UNSAID
    assert said_by("text") == said_by(None) == UNSAID
    assert UNSAID.keys() == FAILED.keys()
