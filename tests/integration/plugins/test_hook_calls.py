"""Hooks: order by before/after, wrappers, first result, folds, deadlines, and no plugin that can stop another."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.integration.plugins import manager
from sim.integration.plugins.manifest import Order
from sim.integration.plugins.ordering import ordered
from sim.integration.plugins.protocol import HOOKS, Bound, PluginEnded, PluginRefused, Rejection, Routing
from tests.integration.plugins.rig import Rig, write

SEEN = "seen = []\ndef {hook}(payload):\n    seen.append(payload)\n    return {value}\n"


def test_there_are_the_ten_hooks_of_the_source() -> None:
    assert list(HOOKS) == [
        "startup", "shutdown", "node_state_changed", "agent_deployed", "before_request", "after_response",
        "before_route", "scaling_decided", "metrics_collected", "optimization_proposed",
    ]  # fmt: skip


def test_order_is_before_and_after_then_priority_then_id() -> None:
    orders = {
        "custom.a": Order(), "custom.b": Order(priority=5), "custom.c": Order(before=["custom.b"]),
        "custom.d": Order(after=["custom.a"], priority=9), "custom.e": Order(before=["not.there"]),
    }  # fmt: skip
    assert ordered("startup", orders) == ["custom.a", "custom.d", "custom.c", "custom.b", "custom.e"]
    assert ordered("startup", dict(reversed(orders.items()))) == ordered("startup", orders)


def test_who_wants_to_stand_before_each_other_is_refused_and_the_rest_serve(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", manifest='order = { startup = { before = ["custom.b"] } }')
    write(tmp_path, "custom.b", manifest='order = { startup = { before = ["custom.a"] } }')
    rig = Rig(tmp_path).up("custom.a")
    with pytest.raises(PluginRefused, match="before each other"):
        rig.run(rig.manager.enable_plugin("custom.b"))
    assert [impl.unit.plugin_id for impl in rig.manager.hooks.tables["startup"]] == ["custom.a"]


@pytest.mark.parametrize(
    ("code", "manifest"),
    [
        ("def startup(): pass", ""),
        ("def startup(a, b): pass", ""),
        ("startup = 3", ""),
        ("def shutdown(p): pass", ""),
        ("def startup(p): yield", ""),
        ("async def startup(p): yield", ""),
        ("def startup(p): pass", "order = { startup = { wrapper = true } }"),
    ],
)
def test_a_bad_signature_names_the_plugin_and_the_hook(tmp_path: Path, code: str, manifest: str) -> None:
    write(tmp_path, "custom.odd", code, manifest)
    rig = Rig(tmp_path).up()
    with pytest.raises(PluginRefused) as caught:
        rig.run(rig.manager.load_plugin("custom.odd"))
    assert (caught.value.plugin_id, caught.value.where, caught.value.why) == ("custom.odd", "startup", "signature")


RAISING = [
    "ValueError('x')", "SystemExit(1)", "GeneratorExit()", "RecursionError()", "BaseException('b')", "MemoryError()",
    "__import__('asyncio').CancelledError()",
]  # fmt: skip


@pytest.mark.parametrize("error", RAISING)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_whatever_is_raised_is_a_failure_of_that_plugin_alone(tmp_path: Path, error: str, kind: str) -> None:
    write(tmp_path, "custom.a", f"{kind} startup(payload):\n    raise {error}\n")
    write(tmp_path, "custom.b", SEEN.format(hook="startup", value=None))
    for waits in (False, True):
        rig = Rig(tmp_path).up("custom.a", "custom.b")
        call = rig.wait_call if waits else rig.call
        assert call("startup", nodes=1) is None
        assert rig.manager.metrics()["custom.a"]["startup"]["failures_count"] == 1
        assert rig.manager.metrics()["custom.b"]["startup"]["calls_count"] == 1
        assert len(rig.reasons("plugin.hook_failed")) == 1


def test_an_error_whose_text_raises_is_told_too(tmp_path: Path) -> None:
    code = "class E(Exception):\n    def __str__(self): raise SystemExit\ndef startup(p): raise E\n"
    write(tmp_path, "custom.a", code)
    rig = Rig(tmp_path).up("custom.a")
    rig.call("startup")
    assert rig.reasons("plugin.hook_failed") == ["E: its text raises SystemExit"]


def test_a_plugin_cannot_change_what_the_others_read(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", "def startup(payload):\n    payload.clear()\n")
    write(tmp_path, "custom.b", SEEN.format(hook="startup", value=None))
    rig = Rig(tmp_path).up("custom.a", "custom.b")
    rig.call("startup", nodes=3)
    assert rig.plugin("custom.b").__globals__["seen"] == [{"nodes": 3}]


def test_the_first_answer_ends_a_hook_that_asks_for_one(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", SEEN.format(hook="before_request", value=None), hooks="before_request")
    write(tmp_path, "custom.b", SEEN.format(hook="before_request", value="{'reject': 'b'}"), hooks="before_request")
    write(tmp_path, "custom.c", SEEN.format(hook="before_request", value="{'reject': 'c'}"), hooks="before_request")
    rig = Rig(tmp_path).up("custom.a", "custom.b", "custom.c")
    assert rig.call("before_request", request=1) == Rejection("b")
    calls = {name: hooks["before_request"]["calls_count"] for name, hooks in rig.manager.metrics().items()}
    assert calls == {"custom.a": 1, "custom.b": 1, "custom.c": 0}


@pytest.mark.parametrize("value", ["7", "{'reject': 3}", "{'refuse': 'x'}", "['reject']"])
def test_an_answer_of_another_shape_is_a_failure(tmp_path: Path, value: str) -> None:
    write(tmp_path, "custom.a", SEEN.format(hook="before_request", value=value), hooks="before_request")
    rig = Rig(tmp_path).up("custom.a")
    assert rig.call("before_request", request=1) is None
    assert rig.manager.metrics()["custom.a"]["before_request"]["failures_count"] == 1


def test_vetoes_add_up_and_strike_preferences(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", SEEN.format(hook="before_route", value="{'veto': ['n1'], 'prefer': ['n3', 'n2']}"),
          hooks="before_route")  # fmt: skip
    write(tmp_path, "custom.b", SEEN.format(hook="before_route", value="{'veto': ['n3'], 'prefer': ['n0']}"),
          hooks="before_route")  # fmt: skip
    rig = Rig(tmp_path).up("custom.a", "custom.b")
    answer = rig.call("before_route", type="", key=0, nodes=["n0", "n1", "n2", "n3"], loads=[4, 5, 6, 7])
    assert answer == Routing(["n1", "n3"], ["n2", "n0"])
    seen = rig.plugin("custom.b").__globals__["seen"][0]
    assert (seen["nodes"], seen["loads"]) == (["n0", "n2", "n3"], [4, 6, 7])


def test_bounds_are_clipped_and_seen_by_the_next(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", SEEN.format(hook="scaling_decided", value="{'desired': 99, 'reason': 'more'}"),
          hooks="scaling_decided")  # fmt: skip
    code = "def scaling_decided(p):\n    return {'desired': p['desired'] - 1}\n"
    write(tmp_path, "custom.b", code, hooks="scaling_decided")
    rig = Rig(tmp_path).up("custom.a", "custom.b")
    assert rig.call("scaling_decided", current=3, desired=4, minimum=1, maximum=8, reason="x") == Bound(7, "more")


WRAPPER = """
told = []
def before_request(payload):
    told.append(payload["request"])
    answer = yield
    told.append(answer)
    return {"reject": "wrapped"} if answer is None else None
"""


def test_a_wrapper_sees_the_answer_and_may_replace_it(tmp_path: Path) -> None:
    order = "order = { before_request = { wrapper = true } }"
    write(tmp_path, "custom.w", WRAPPER, order, "before_request")
    write(tmp_path, "custom.a", "def before_request(p):\n    return {'reject': 'a'} if p['request'] else None\n",
          hooks="before_request")  # fmt: skip
    write(tmp_path, "custom.x", "def before_request(p):\n    raise SystemExit\n    yield\n", order, "before_request")
    write(tmp_path, "custom.y", "def before_request(p):\n    yield\n    yield\n", order, "before_request")
    rig = Rig(tmp_path).up("custom.w", "custom.a", "custom.x", "custom.y")
    assert rig.call("before_request", request=0) == Rejection("wrapped")
    assert rig.wait_call("before_request", request=1) == Rejection("a")
    assert rig.plugin("custom.w").__globals__["told"] == [0, None, 1, Rejection("a")]
    failures = {name: hooks["before_request"]["failures_count"] for name, hooks in rig.manager.metrics().items()}
    assert failures == {"custom.a": 0, "custom.w": 0, "custom.x": 2, "custom.y": 2}


def test_the_timeout_is_the_clocks_and_the_others_still_run(tmp_path: Path) -> None:
    hang = "import asyncio\nclass Plugin:\n    def __init__(self, context): self.runtime = context._runtime\n"
    write(tmp_path, "custom.a", hang + "    async def startup(self, p): await self.runtime.event().wait()\n")
    write(tmp_path, "custom.b", SEEN.format(hook="startup", value=None))
    rig = Rig(tmp_path).up("custom.a", "custom.b")
    rig.wait_call("startup")
    assert rig.runtime.now() == 15.0, "two plugins share the 30 s"
    assert rig.reasons("plugin.hook_failed") == ["TimeoutError: more than 15 s"]
    assert rig.manager.metrics()["custom.b"]["startup"]["calls_count"] == 1


def test_the_request_path_does_not_wait(tmp_path: Path) -> None:
    code = "class Plugin:\n    def __init__(self, context): self.runtime = context._runtime\n"
    code += "    async def before_request(self, p): await self.runtime.sleep(1)\n"
    write(tmp_path, "custom.a", code, hooks="before_request")
    rig = Rig(tmp_path).up("custom.a")
    assert rig.call("before_request", request=1) is None
    assert rig.runtime.now() == 0.0
    assert "it waits" in rig.reasons("plugin.hook_failed")[0]


def test_a_plugin_that_fails_is_off_and_probed_again_later(tmp_path: Path) -> None:
    code = "state = {'bad': True, 'calls': 0}\ndef startup(p):\n    state['calls'] += 1\n"
    code += "    if state['bad']: raise ValueError\n"
    write(tmp_path, "custom.a", code)
    rig = Rig(tmp_path, {"failures_max": 3, "probe_after_s": 10.0}).up("custom.a")
    state = rig.plugin("custom.a").__globals__["state"]
    for _ in range(10):
        rig.call("startup")
    assert state["calls"] == 3
    assert rig.manager.metrics()["custom.a"]["startup"]["skipped_count"] == 7
    rig.pass_time(10.0)
    rig.call("startup")
    rig.call("startup")
    assert state["calls"] == 4, "one failed probe is enough, and the wait doubles"
    rig.pass_time(19.9)
    rig.call("startup")
    assert state["calls"] == 4
    state["bad"] = False
    rig.pass_time(0.1)
    rig.call("startup")
    rig.call("startup")
    assert state["calls"] == 6
    assert [kind for kind in rig.kinds("custom.a") if kind in ("plugin.off", "plugin.on")] == [
        "plugin.off", "plugin.off", "plugin.on",
    ]  # fmt: skip


def test_hooks_that_hooks_cause_are_bounded(tmp_path: Path) -> None:
    code = "box = []\ndef startup(p):\n    box[0]('startup', {'n': p['n'] + 1})\n"
    write(tmp_path, "custom.a", code)
    rig = Rig(tmp_path).up("custom.a")
    rig.plugin("custom.a").__globals__["box"].append(rig.manager.hooks.call_now)
    rig.call("startup", n=0)
    assert rig.manager.metrics()["custom.a"]["startup"]["calls_count"] == 4
    assert rig.reasons("plugin.hook_skipped") == ["4 hooks deep"]


def test_the_declared_latency_is_drawn_and_later_than_the_timeout_is_a_failure(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", "def before_request(p): pass", "latency = { law = 'exponential', mean_s = 20.0 }",
          hooks="before_request")  # fmt: skip
    rigs = [Rig(tmp_path).up("custom.a") for _ in range(2)]
    costs: list[list[float]] = [[], []]
    for rig, told in zip(rigs, costs, strict=True):
        rig.manager.hooks.tables["before_request"][0].circuit.failures_max = 1_000_000
        for request in range(2_000):
            rig.manager.hooks.call_now("before_request", {"request": request}, request)
            told.append(rig.manager.hooks.cost_s)
    assert costs[0] == costs[1]
    assert max(costs[0]) == 30.0
    cut = sum(cost == 30.0 for cost in costs[0])
    # P(X > 30) = exp(-1.5) = 0.2231; 5 standard errors of 2,000 draws are 0.0465
    assert abs(cut / 2_000 - 0.2231) < 0.0465
    assert rigs[0].manager.metrics()["custom.a"]["before_request"]["failures_count"] == cut


def test_code_that_overruns_the_wall_is_named_and_makes_the_run_invalid(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", SEEN.format(hook="startup", value=None))
    readings = iter([0.0, 0.5, 1.0, 40.0])
    rig = Rig(tmp_path, stopwatch=lambda: next(readings)).up("custom.a")
    rig.call("startup")
    assert rig.manager.hooks.invalid == ""
    rig.call("startup")
    assert rig.manager.hooks.invalid == "custom.a took more than 30 wall seconds"
    assert rig.manager.metrics()["custom.a"]["startup"]["elapsed_s"] == 39.5


def test_operations_that_wait_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "WAITING_MAX", 2)
    write(tmp_path, "custom.a")
    rig = Rig(tmp_path)
    rig.run(rig.manager._take("hold"))  # type: ignore[arg-type]
    tasks = [rig.runtime.spawn(rig.manager.discover_plugins(), f"scan {number}") for number in range(3)]
    with pytest.raises(PluginEnded, match="busy"):
        rig.run(tasks[2].join())
