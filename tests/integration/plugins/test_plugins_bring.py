"""What a plugin brings: a config names it while the plugin is enabled, a run uses it, and nothing of it stays."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from sim.bench.assemble import assemble
from sim.bench.brought import bringing
from sim.bench.compose import Composed, compose
from sim.bench.identity import point_key
from sim.bench.plan import make_plan
from sim.errors import ConfigError
from sim.registry import bring, lookup, names
from sim.report.catalogue import check_figures, figure_named
from sim.report.content import build
from sim.types.records import RunRecord
from tests.integration.gateway import rig as gateways
from tests.integration.plugins.rig import Rig, write
from tests.report.synthetic import study

SHARED: Composed = {}
SMALL = ["horizon_s=60", "drain_s=200", "fleet.nodes=4", "fleet.agents_per_node=3"]
LOAD = ["arrivals.utilization_ratio=0.7", "service.mean_s=1"]
CODE = """
    from sim.contracts import ArrivalChunk
    from sim.report.figures import forest
    from sim.scalability.autoscaler.policies.threshold import Threshold
    from sim.scalability.balancer.chooser import Chooser

    def first(fleet, state, draws, key, now):
        return min(state.slots[:state.size])

    def last(fleet, state, draws, key, now):
        return max(state.slots[:state.size])

    class EveryTwo:
        terminating = False
        def __init__(self, rate_per_s): self.rate = rate_per_s
        def rate_per_s(self): return self.rate
        def chunks(self, draws, horizon_s):
            yield ArrivalChunk(0, [number / self.rate for number in range(1, int(horizon_s * self.rate))])

    class Fixed:
        def __init__(self, mean): self.mean = mean
        def mean_s(self): return self.mean
        def work_s(self, draws, entities, chunk): return [self.mean] * len(entities)

    def board(params):
        def upside_down(now, held):
            return [max(held) - each for each in held]
        return upside_down

    class Plugin:
        def __init__(self, context):
            context.provide("balancer", "corner", lambda params: Chooser(pick={pick}))
            context.provide("balancer", "settled", lambda params: params.params["chooser"])
            context.provide("arrivals", "every_two", lambda params, rate_per_s: EveryTwo(rate_per_s))
            context.provide("service", "fixed", lambda params: Fixed(params.mean_s))
            context.provide("signal", "upside_down", board)
            context.provide("autoscaler", "bare", Threshold)
            context.provide("figure", "twice", forest.FIGURE)
            context.provide("figure", "wrong", 7)
            context.provide("route", "status", lambda: {{"pick": "{pick}"}})
            context.provide("route", "asked", {{"handler": self.asked, "method": "POST", "summary": "say it again"}})
        async def asked(self, request):
            return {{"told": request.json()}}
"""
PROVIDES = """
provides = ["balancer:corner", "balancer:settled", "arrivals:every_two", "service:fixed", "signal:upside_down",
            "autoscaler:bare", "figure:twice", "figure:wrong", "route:status", "route:asked"]
hooks = []
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "custom.brings", textwrap.dedent(CODE).format(pick="first"), PROVIDES)
    return tmp_path


def words(root: Path, *more: str) -> list[str]:
    enabled = ["plugins.enabled=[custom.brings]", f"plugins.folders=['{root}']", "plugins.sandbox_plugins=false"]
    return [*SMALL, *LOAD, *enabled, *more]


def run(root: Path, *more: str) -> RunRecord:
    record = assemble(compose(words(root, *more), composed=SHARED), 0).run()
    nothing_stays()
    return record


def nothing_stays() -> None:
    for group in ("balancer", "arrivals", "service", "autoscaler"):
        assert not {"corner", "settled", "every_two", "fixed", "bare"} & set(names(group))
    assert names("signal") == names("figure") == []


def test_a_strategy(root: Path) -> None:
    table = run(root, "balancer.kind=corner").attempts
    assert set(table.node) == {0}


def test_laws_of_arrivals_and_service(root: Path) -> None:
    table = run(root, "arrivals.kind=every_two", "service.kind=fixed", "service.mean_s=0.5").attempts
    rate_per_s = 0.7 * 12 / 0.5
    assert table.arrived_at[:3] == pytest.approx([1 / rate_per_s, 2 / rate_per_s, 3 / rate_per_s])
    assert (table.finished_at - table.started_at) == pytest.approx(0.5)


def test_a_signal_and_what_is_wrong_with_its_board(root: Path) -> None:
    told = ["balancer=least_connections", "balancer.refresh_s=1"]
    plain, turned = (run(root, *told, f"balancer.signal={name}") for name in ("polled", "upside_down"))
    waits = [float((each.attempts.started_at - each.attempts.arrived_at).mean()) for each in (plain, turned)]
    assert waits[1] > 2.0 * waits[0], "who seems empty is full"
    with pytest.raises(ConfigError, match=r"balancer\.signal=upside_down: accepted is local with join_idle_queue"):
        run(root, "balancer=join_idle_queue", "balancer.signal=upside_down")
    (root / "custom.brings" / "code.py").write_text(
        textwrap.dedent(CODE).format(pick="first").replace("[max(held) - each for each in held]", "[0.5]")
    )
    with pytest.raises(ConfigError, match="a board of 4 whole numbers from 0"):
        run(root, *told, "balancer.signal=upside_down")
    nothing_stays()


def test_an_autoscalers_policy(root: Path) -> None:
    scaling = ["autoscaler=threshold", "autoscaler.min_nodes=1", "autoscaler.max_nodes=9"]
    plain, brought = run(root, *scaling), run(root, *scaling, "autoscaler.kind=bare")
    assert plain.scale_steps is not None
    assert brought.attempts.finished_at == pytest.approx(plain.attempts.finished_at, nan_ok=True)


@pytest.mark.parametrize(
    ("key", "name"),
    [("balancer.kind", "corner"), ("arrivals.kind", "every_two"), ("service.kind", "fixed"),
     ("balancer.signal", "upside_down"), ("autoscaler.kind", "bare")],
)  # fmt: skip
def test_a_name_needs_its_plugin_and_the_error_says_which(root: Path, key: str, name: str) -> None:
    with pytest.raises(ConfigError, match=r"plugin custom\.brings brings it, once plugins\.enabled names") as told:
        compose([*SMALL, *LOAD, f"plugins.folders=['{root}']", f"{key}={name}"], composed=SHARED)
    assert told.value.key == key
    with pytest.raises(ConfigError) as plain:
        compose([*SMALL, *LOAD, f"{key}={name}"], composed=SHARED)
    assert plain.value.accepted.startswith("one of ")
    assert "plugin" not in plain.value.accepted


def test_a_study_over_what_a_plugin_brings_is_planned_and_keyed(root: Path) -> None:
    plan = make_plan(words(root, "balancer.kind=corner,random", "service.kind=fixed"), multirun=True)
    assert [point.label for point in plan.points] == ["balancer.kind=corner", "balancer.kind=random"]
    nothing_stays()
    before = point_key(plan.points[0].config)
    (root / "custom.brings" / "code.py").write_text(textwrap.dedent(CODE).format(pick="last"))
    assert point_key(plan.points[0].config) != before
    assert set(assemble(plan.points[0].config, 0).run().attempts.node) == {3}


def test_two_assemblies_at_once_and_one_that_never_runs(root: Path) -> None:
    config = compose(words(root, "balancer.kind=corner"), composed=SHARED)
    one, other = assemble(config, 0), assemble(config, 1)
    assert set(one.run().attempts.node) == set(other.run().attempts.node) == {0}
    assemble(config, 2).close()
    with pytest.raises(KeyError):  # what is made after the plugins are up fails, and they go too
        assemble(compose(words(root, "balancer.kind=settled"), composed=SHARED), 0)
    nothing_stays()


def test_a_name_has_one_owner() -> None:
    undo = bring("signal", "mine", "custom.a", 1)
    with pytest.raises(ConfigError, match="a name that is not registered yet"):
        bring("signal", "mine", "custom.b", 2)
    with pytest.raises(ConfigError, match="a name that is not registered yet"):
        bring("balancer", "random", "custom.a", 2)
    newer = bring("signal", "mine", "custom.a", 3)  # the next generation, while the old one serves
    assert lookup("signal", "mine") == 3
    newer()
    newer()
    assert lookup("signal", "mine") == 1
    undo()
    assert names("signal") == []


def test_a_figure_stands_in_the_report(root: Path) -> None:
    config = compose(words(root, "study.figures=[twice]"), composed=SHARED)
    summary = study(situations=("",), figures=["twice"])
    with pytest.raises(ConfigError, match=r"study\.figures=twice"):
        build(summary)
    with bringing(config):
        check_figures(["twice", "forest"])
        (drawn,) = build(summary).sections[0].figures
        with pytest.raises(ConfigError, match=r"study\.figures=wrong"):
            figure_named("wrong")
    assert (drawn.file, drawn.title) == ("figures/twice.svg", figure_named("forest").title)
    assert "<svg" in drawn.svg
    nothing_stays()


def test_routes_come_and_go_with_their_plugin(root: Path) -> None:
    plugins = Rig(root).up("custom.brings")
    manager = plugins.manager
    gateway = gateways.Rig(parts={"plugins": manager})
    path = "/v1/plugins/custom.brings/routes"

    def asked() -> tuple[int, Any]:
        answer = gateway.call("GET", f"{path}/status")
        return answer.status, answer.json() if answer.status == 200 else None

    assert asked() == (200, {"pick": "first"})
    assert gateway.call("POST", f"{path}/asked", body={"a": 1}).json() == {"told": {"a": 1}}
    assert gateway.call("POST", f"{path}/asked", key="read", body={}).status == 403
    assert gateway.call("GET", f"{path}/status", key=None).status == 401
    assert f"{path}/asked" in gateway.gateway.openapi()["paths"]
    plugins.run(manager.disable_plugin("custom.brings"))
    assert asked() == (404, None)
    assert f"{path}/asked" not in gateway.gateway.openapi()["paths"]
    plugins.run(manager.enable_plugin("custom.brings"))
    (root / "custom.brings" / "code.py").write_text(textwrap.dedent(CODE).format(pick="last"))
    plugins.run(manager.reload_plugin("custom.brings"))
    assert asked() == (200, {"pick": "last"})
    plugins.run(manager.unload_plugin("custom.brings"))
    assert asked() == (404, None)
    assert manager.loader.routes.by_plugin == {}


@pytest.mark.parametrize(
    ("entry", "told"),
    [("7", "a function, or a table of handler"), ("{'handler': print, 'path': '/'}", "a function, or a table of"),
     ("{'handler': print, 'method': 'BREW'}", "method"), ("{'handler': print, 'scope': 'root'}", "scope")],
)  # fmt: skip
def test_a_route_that_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path, entry: str, told: str) -> None:
    code = f"class Plugin:\n    def __init__(self, context): context.provide('route', 'mine', {entry})\n"
    write(tmp_path, "custom.a", code, 'provides = ["route:mine"]\nhooks = []\n')
    plugins = Rig(tmp_path)
    gateway = gateways.Rig(parts={"plugins": plugins.manager})
    count = len(gateway.gateway.router)
    with pytest.raises(Exception, match=told):
        plugins.up("custom.a")
    assert len(gateway.gateway.router) == count
    assert plugins.manager.get_plugin("custom.a").state.value != "enabled"
