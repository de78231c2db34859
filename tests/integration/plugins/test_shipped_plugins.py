"""The four plugins that travel along: pinned, doing what they say; the usage example of the source as written."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest

from sim import PluginManager
from sim.bench.assemble import assemble
from sim.bench.compose import compose
from sim.integration.plugins import shipped
from sim.integration.plugins.discovery import scan
from sim.runtime.events import EventLog
from sim.runtime.live import LiveRuntime
from sim.runtime.virtual import VirtualRuntime

BOT, BUDGET, STICKY, GUARD = (
    "api_integration.discord_bot", "analytics.slo_budget", "custom.sticky_sessions", "security.request_guard",
)  # fmt: skip
SMALL = ["horizon_s=100", "drain_s=200", "fleet.nodes=4", "fleet.agents_per_node=3", "arrivals.utilization_ratio=0.7",
         "stats.keep_requests=true"]  # fmt: skip


def test_the_shipped_plugins_are_sound_and_pinned_to_what_they_are() -> None:
    found = scan([shipped.folder()])
    assert sorted(found) == [BUDGET, BOT, STICKY, GUARD]
    assert {name: one.faults for name, one in found.items()} == dict.fromkeys(found, ())
    assert {name: one.content_hash for name, one in found.items()} == shipped.pins(), "victor-sim plugins pin"
    assert {one.kind for one in found.values()} == {"api", "analytics", "custom", "security"}
    for name in found:
        assert (shipped.folder() / name / "README.md").read_text().startswith(f"# {name}")


def test_the_usage_example_of_the_source() -> None:
    async def example() -> Any:
        pm = PluginManager()
        plugins = await pm.discover_plugins()
        await pm.load_plugin("api_integration.discord_bot")
        await pm.enable_plugin("api_integration.discord_bot")
        info = pm.get_plugin("api_integration.discord_bot")
        await pm.stop()
        return plugins, info

    plugins, info = asyncio.run(example())
    assert [each.plugin_id for each in plugins] == [BUDGET, BOT, STICKY, GUARD]
    assert (info.state.value, info.isolation, info.type) == ("enabled", "none", "api")


def manager(runtime: Any, plugin_id: str, settings: dict[str, Any], grants: list[str] | None = None) -> PluginManager:
    kind, _, name = plugin_id.partition(".")
    config = {"settings": {kind: {name: settings}}, "permissions": {plugin_id: grants or []}, "enabled": [plugin_id]}
    return PluginManager(config, runtime=runtime, events=EventLog())


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[tuple[str, Any]], list[int]]]:
    """A real HTTP server: its address, what it was sent, and the statuses it will answer (204 once they are over)."""
    got: list[tuple[str, Any]] = []
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.send_header("retry-after", "7")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", got, statuses
    server.shutdown()
    thread.join()
    server.server_close()


CHANGE = {"node": "node-3", "old": "online", "new": "offline", "reason": "silent for 61 s"}


def post(address: str, changes: list[dict[str, Any]], grants: list[str], **settings: Any) -> tuple[PluginManager, Any]:
    async def whole() -> Any:
        runtime = LiveRuntime()
        bot = manager(runtime, BOT, {"webhook_url": f"http://{address}/api/webhooks/1/x", **settings}, grants)
        await bot.start()
        for change in changes:
            await bot.hooks.call("node_state_changed", change)
        metrics = bot.metrics()[BOT]["node_state_changed"]
        await bot.stop()
        await runtime.close()
        return bot, metrics

    return asyncio.run(whole())


def test_the_bot_posts_an_incident_to_a_real_server(webhook: Any) -> None:
    address, got, _ = webhook
    grants = [f"http.fetch:{address}", f"http.private:{address}"]
    _, metrics = post(address, [CHANGE, {**CHANGE, "new": "draining"}], grants)
    assert metrics["failures_count"] == 0
    path, message = got[0]
    assert len(got) == 1, "only the states that were asked for"
    assert path == "/api/webhooks/1/x"
    assert message["content"] == "node node-3 is offline (was online): silent for 61 s"
    assert message["username"] == "victor-sim"
    assert message["allowed_mentions"] == {"parse": []}
    assert message["embeds"][0]["color"] == 0xD62728


def test_without_the_operators_grant_nothing_is_posted(webhook: Any) -> None:
    address, got, _ = webhook
    for grants in ([], [f"http.fetch:{address}"], ["http.fetch:discord.com"]):
        bot, metrics = post(address, [CHANGE], grants)
        assert metrics["failures_count"] == 1
        assert any(row.kind == "plugin.refused" for row in bot.events.rows)  # type: ignore[attr-defined]
    assert got == []


def test_the_bot_waits_out_a_429_and_keeps_its_rate(webhook: Any) -> None:
    address, got, statuses = webhook
    grants = [f"http.fetch:{address}", f"http.private:{address}"]
    statuses.append(429)
    post(address, [CHANGE] * 3, grants)
    assert len(got) == 1
    got.clear()
    post(address, [CHANGE] * 5, grants, posts_per_minute_max=2)
    assert len(got) == 2
    statuses.append(500)
    _, metrics = post(address, [CHANGE], grants)
    assert metrics["failures_count"] == 1


def loop(*extra: str) -> Any:
    whole = assemble(compose([*SMALL, *extra]), 0)
    return whole, whole.run()


def test_a_run_with_all_of_them_posts_its_incidents_to_the_stub() -> None:
    fire = ["faults=crash", "faults.crash.mttf_s=40", "faults.crash.mttr_s=10", "health=aggressive", "retry=default"]
    whole, record = loop("plugins=shipped", *fire)
    told = [row for row in whole.log.rows if row.kind == "node_status"]
    incidents = [row for row in told if dict(row.fields)["new"] in ("offline", "online")]
    assert record.counts["plugin_fetches"] == len(incidents) > 2
    bodies = [json.loads(request.body)["content"] for request in whole.plugged.stub.recorded]
    assert bodies[0].startswith(f"node {incidents[0].subject} is ")
    assert all(record.counts[f"plugin_failures_{name}"] == 0 for name in (BOT, BUDGET, STICKY, GUARD))


def test_sticky_sessions_keep_a_session_on_its_node() -> None:
    extra = ["balancer=power_of_d", "arrivals.keys_count=20", "arrivals.utilization_ratio=0.2", "horizon_s=400"]

    def stays(record: Any, whole: Any) -> float:
        table, keys = record.attempts, np.asarray(whole.world.columns.key)
        last: dict[int, int] = {}
        same = moved = 0
        for row in range(len(table.request)):
            key, node = int(keys[row]), int(table.node[row])
            if key in last:
                same, moved = same + (last[key] == node), moved + (last[key] != node)
            last[key] = node
        return same / (same + moved)

    sticky_run, sticky = loop("plugins.enabled=[custom.sticky_sessions]", *extra)
    plain_run, plain = loop("plugins.enabled=[analytics.slo_budget]", *extra)
    assert stays(sticky, sticky_run) > 0.6 > 0.4 > stays(plain, plain_run)
    assert max(sticky_run.balancer.statistics().in_flight) == 0


def test_the_guard_turns_away_what_breaks_a_rule() -> None:
    runtime = VirtualRuntime()
    rules = {"prompt_tokens_max": 100, "required": ["key"], "allow_types": ["a", "b"], "deny_keys": [666]}
    guard = manager(runtime, GUARD, rules)
    runtime.run_task(guard.start())
    good = {"request": 1, "type": "a", "key": 1, "priority": 0, "prompt_tokens": 100, "output_tokens": 5}
    cases = [
        (good, None), ({**good, "prompt_tokens": 101}, "size: prompt_tokens 101 above 100"),
        ({**good, "output_tokens": 4097}, "size: output_tokens 4097 above 4096"),
        ({**good, "prompt_tokens": -1}, "schema: prompt_tokens is no size"),
        ({**good, "key": None}, "schema: key is missing"), ({**good, "type": "c"}, "type: type c"),
        ({**good, "key": 666}, "key: key 666"), ({**good, "prompt_tokens": None}, None),
    ]  # fmt: skip
    for payload, reason in cases:
        answer = guard.hooks.call_now("before_request", payload)
        assert (None if answer is None else answer.reject) == reason
    runtime.run_task(guard.stop())


def test_burn_rates_are_what_the_definition_says() -> None:
    runtime = VirtualRuntime()
    budget = manager(runtime, BUDGET, {"objective_ratio": 0.9, "sojourn_max_s": 1.0, "long_s": 600.0, "burn_max": 4.01})
    runtime.run_task(budget.start())
    told = budget.loader.routes.by_plugin[BUDGET]["slo_budget"]["handler"]

    def second(bad: int, good: int) -> None:
        for number in range(bad + good):
            late = {"request": 0, "status": "ok", "sojourn_s": 2.0 if number < bad else 0.5, "node": "n", "key": 0}
            budget.hooks.call_now("after_response", late)
        budget.hooks.call_now("metrics_collected", {})
        runtime.run_task(runtime.sleep(1.0))

    for _ in range(50):
        second(bad=1, good=9)
    assert told() == pytest.approx({"short": 1.0, "long": 1.0, "alerts_count": 0})
    for _ in range(50):
        second(bad=9, good=1)
    assert told() == pytest.approx({"short": 5.0, "long": 5.0, "alerts_count": 1})
    assert budget.log_of(BUDGET).startswith("80.000 s: the error budget burns"), "50 + 9 n > 4.01 (50 + n): n = 31"
    runtime.run_task(budget.stop())
