"""The background loop: each round every agent and target is looked at, a recommendation is proved, and stays or not.

Without a twin nothing is applied: a claim alone changes no agent. A promoted setting goes on being compared with
nothing (it is the incumbent now), but a sample that breaks a guardrail brings the former setting back in the same
interval (`guard`). The verified improvement, not the claimed one, is written with the promotion, and both feed the
calibration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.intelligence.protocol import Window
from sim.intelligence.verifier import Verdict, Verifier, breach
from sim.types.metrics import OptimizationResult, OptimizationTarget

Z90 = 1.6448536269514722  # half of a 90 % interval in sd

if TYPE_CHECKING:
    from sim.intelligence.optimizer import MLOptimizer


async def run(optimizer: MLOptimizer) -> None:
    """Rounds for ever, the first after one interval."""
    while True:
        await optimizer.runtime.sleep(optimizer.config.optimization_interval)
        await round_of(optimizer)


async def round_of(optimizer: MLOptimizer) -> None:
    """One look at every agent, oldest first, and every target that is configured."""
    for agent_id in list(optimizer.minds):
        for name in optimizer.config.optimization_targets:
            result = await optimizer.optimize_agent(agent_id, OptimizationTarget(name))
            if not result.abstained:
                await prove(optimizer, result)


async def prove(optimizer: MLOptimizer, result: OptimizationResult) -> OptimizationResult:
    """Run pairs until the verifier decides; gives the result with what was verified. Needs a twin and an actuator."""
    twin, actuator, agent_id = optimizer.twin, optimizer.actuator, result.agent_id
    if twin is None or actuator is None:
        return result
    config, target = optimizer.config, result.target.value
    mind = optimizer.mind(agent_id)
    old = dict(mind.standing)
    verifier = Verifier(result.parameters, target, optimizer.guardrails, config.verify_alpha, config.pairs_max)
    optimizer.write("verification_started", agent_id, target=target, reason="recommended", parameters=result.parameters)
    taught: list[Window] = []
    while verifier.verdict is Verdict.CONTINUE:
        pair = await twin.pair(agent_id, old, result.parameters, len(taught) // 2)
        taught += pair
        verifier.add(*pair)
    mind.teach(taught)
    found = verifier.verified()
    sd = (result.ci_high_percentage - result.ci_low_percentage) / 200.0 / Z90
    calibration = mind.calibrations.get(target)
    if calibration is not None and found.pairs_count > 2:
        calibration.add(
            result.improvement_percentage / 100.0, sd / calibration.scale, found.improvement_ratio, found.se_ratio
        )
    kind = {Verdict.PROMOTE: "promoted", Verdict.ROLL_BACK: "rolled_back", Verdict.TIME_OUT: "verification_timed_out"}
    is_applied = verifier.verdict is Verdict.PROMOTE
    params = result.parameters if is_applied else old
    await actuator.apply(agent_id, params, "incumbent")
    if is_applied:
        mind.apply(params)
        mind.former = old
    optimizer.write(
        kind[verifier.verdict],
        agent_id,
        target=target,
        reason=verifier.reason,
        claimed_ratio=result.improvement_percentage / 100.0,
        verified_ratio=found.improvement_ratio,
        pairs=found.pairs_count,
    )
    done = replace(
        result,
        is_applied=is_applied,
        parameters=dict(params),
        improvement_percentage=100.0 * found.improvement_ratio if is_applied else 0.0,
        ci_low_percentage=100.0 * found.ci_low if is_applied else 0.0,
        ci_high_percentage=100.0 * found.ci_high if is_applied else 0.0,
        reason="" if is_applied else verifier.reason,
    )
    optimizer.results.append(done)
    return done


async def guard(optimizer: MLOptimizer, agent_id: str, window: Window) -> bool:
    """Bring the former setting back if a window of the standing one breaks a guardrail; whether it did."""
    mind = optimizer.minds.get(agent_id)
    if mind is None or mind.former is None or optimizer.actuator is None:
        return False
    broken = breach(window, optimizer.guardrails)
    if not broken:
        return False
    former, mind.former = mind.former, None
    await optimizer.actuator.apply(agent_id, former, "incumbent")
    mind.apply(former)
    optimizer.write("rolled_back", agent_id, target="guardrail", reason=broken, parameters=former)
    return True
