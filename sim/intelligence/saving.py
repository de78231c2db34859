"""Snapshots of an optimizer: standing settings, calibration pairs, what proofs taught; surrogates are fitted again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.intelligence import snapshot
from sim.intelligence.calibration import Calibration
from sim.intelligence.taught import remembered, restored

if TYPE_CHECKING:
    from sim.intelligence.optimizer import MLOptimizer


def save(optimizer: MLOptimizer, path: Path, key: bytes) -> int:
    """Write the next version; gives it."""
    version = optimizer.version + 1
    agents = {
        agent_id: {
            "standing": dict(mind.standing),
            "is_applied": mind.is_applied,
            "taught": remembered(list(mind.windows)),
            "claim_errors": {target: each.errors() for target, each in mind.calibrations.items()},
        }
        for agent_id, mind in optimizer.minds.items()
    }
    snapshot.save(path, {"seed": optimizer.config.seed, "agents": agents}, version, optimizer.store.digest(), key)
    optimizer.write("snapshot_saved", str(path.name), version=version, reason="asked for")
    return version


def load(optimizer: MLOptimizer, path: Path, key: bytes) -> int:
    """Take what a snapshot says; raises `SnapshotError` before anything changes."""
    try:
        version, body = snapshot.load(path, key, optimizer.version, optimizer.store.digest())
        if body.get("seed") != optimizer.config.seed:
            raise snapshot.SnapshotError(str(path), f"of seed {body.get('seed')}, not {optimizer.config.seed}")
    except snapshot.SnapshotError as error:
        optimizer.write("snapshot_refused", str(path.name), reason=error.problem)
        raise
    for agent_id, kept in body["agents"].items():
        mind = optimizer.mind(agent_id)
        if kept["is_applied"]:
            mind.apply(kept["standing"])
        errors = kept.get("claim_errors", {})  # an older snapshot has squares only, which tell no shift
        mind.calibrations = {target: Calibration.of(pairs) for target, pairs in errors.items()}
        windows = restored(list(mind.windows), kept.get("taught", []))
        mind.windows.clear()
        mind.windows.extend(windows)
        mind.recommenders.clear()
    optimizer.write("snapshot_loaded", str(path.name), version=version, reason="signature and samples match")
    return version
