"""The locks pin, by hash, exactly what pyproject.toml asks for, and agree with each other."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tidy.tracked import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
RUN = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKS = {
    "requirements.lock": RUN + EXTRAS["dev"],
    "requirements-run.lock": RUN,
    "requirements-optuna.lock": RUN + EXTRAS["optuna"],
    "requirements-ray.lock": RUN + EXTRAS["ray"],
    "requirements-slurm.lock": RUN + EXTRAS["slurm"],
    "requirements-build.lock": PROJECT["build-system"]["requires"],
}

NOT_FOR_TESTS = ("requirements-ray.lock", "requirements-slurm.lock")  # the tests stand in for their clusters


def _entries(lock: str) -> dict[str, tuple[str, int]]:
    """Name -> (version, number of hashes)."""
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
    )
    unindented = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert len(pinned) == len(unindented), f"{lock}: a line that is not pinned by version and hash"
    return {canonicalize_name(name): (version, hashes.count("sha256:")) for name, version, hashes in pinned}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_the_project_asks_for(lock: str) -> None:
    entries = _entries(lock)
    for requirement in map(Requirement, LOCKS[lock]):
        version, hashes_count = entries[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{lock}: {requirement} is pinned at {version}"
        assert hashes_count >= 1


def test_the_locks_agree() -> None:
    everything = _entries("requirements.lock")
    for lock in LOCKS.keys() - {"requirements.lock"}:
        entries = _entries(lock)
        apart = entries.keys() - everything.keys()
        assert {name: everything.get(name, entry) for name, entry in entries.items()} == entries
        assert not apart or lock in NOT_FOR_TESTS, f"{lock}: {sorted(apart)}"
