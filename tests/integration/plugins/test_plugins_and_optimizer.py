"""The optimizer in a fleet with plugins: `optimization_proposed` hears of every proposal, and its no is the last word.

What the optimizer believes is put in its mouth (to search for it takes 20 s); its loop, hook and fleet are real.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.bench.assemble import Assembly, assemble
from sim.bench.compose import Composed, compose
from sim.intelligence import optimizer as optimizer_module
from sim.intelligence.optimizer import MLOptimizer
from sim.types.metrics import OptimizationResult, OptimizationTarget
from tests.integration.plugins.rig import write

SHARED: Composed = {}
TUNED = [
    "service=agent", "fleet.nodes=4", "fleet.agents_per_node=12", "arrivals.utilization_ratio=0.5", "horizon_s=400",
    "drain_s=100", "optimizer=default", "optimizer.optimization_interval=300",
    "optimizer.optimization_targets=[user_satisfaction]",
]  # fmt: skip
JUDGE = """
class Plugin:
    def __init__(self, context):
        self.context = context
    {kind} optimization_proposed(self, payload):
        self.context.log(" ".join(str(payload[name]) for name in ("agent", "target", "claimed", "confidence")))
        self.context.log(str(payload["parameters"]["temperature"]))
        return {answer}
"""


@pytest.fixture(autouse=True)
def _sure(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(optimizer: MLOptimizer, agent_id: str, target: OptimizationTarget) -> OptimizationResult:
        standing = optimizer.mind(agent_id).standing
        return OptimizationResult(agent_id, target, {**standing, "temperature": 0.3}, 5.0, 1.0, 9.0, 0.97, "")

    monkeypatch.setattr(optimizer_module, "answer", answer)


def _run(*words: str) -> Assembly:
    assembly = assemble(compose([*TUNED, *words], composed=SHARED), 0)
    assembly.run()
    return assembly


def _judged(root: Path, answer: str, kind: str = "def") -> Assembly:
    write(root, "custom.judge", JUDGE.format(answer=answer, kind=kind), hooks="optimization_proposed")
    return _run("plugins.enabled=[custom.judge]", f"plugins.folders=['{root}']", "plugins.sandbox_plugins=false")


def _reasons(assembly: Assembly, kind: str) -> list[Any]:
    return [dict(row.fields)["reason"] for row in assembly.log.rows if row.kind == kind]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_rejected_proposal_is_told_and_never_tried(tmp_path: Path, kind: str) -> None:
    assembly = _judged(tmp_path, "{'reject': 'the budget is spent'}", kind)
    assert assembly.plugged.manager.log_of("custom.judge").splitlines() == [
        "fleet user_satisfaction 5.0 0.97", "0.3",
    ]  # fmt: skip
    assert "rejected: the budget is spent" in _reasons(assembly, "optimization_abstained")
    assert _reasons(assembly, "optimization_proposed") == _reasons(assembly, "verification_started") == []
    assert assembly.tuned.tuning.standing[:3] == assembly.tuned.tuning.surface.incumbent[:3]
    (result,) = assembly.tuned.optimizer.results
    assert (result.abstained, result.improvement_percentage) == (True, 0.0)


def test_a_plugin_that_says_nothing_changes_nothing_and_the_shipped_ones_go_with_the_optimizer(tmp_path: Path) -> None:
    silent = _judged(tmp_path, "None")
    assert _reasons(silent, "verification_started") == ["recommended"]
    shipped = _run("plugins=shipped")
    for kind in ("optimization_proposed", "verification_started"):
        assert _reasons(silent, kind) == _reasons(shipped, kind) != []
