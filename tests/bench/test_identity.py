"""What makes a stored result another one, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench import identity
from sim.bench.compose import Composed, compose
from sim.bench.identity import code_identity, cpu_features, input_files, point_key, versions

COMPOSED: Composed = {}
PLAIN = point_key(compose([], composed=COMPOSED))

REPORT_ONLY = [
    "name=other", "baseline=random", "objective=sojourn_s_mean", "slo.max=2", "slo.metric=ttft_s_p99",
    "price_per_node_hour=3", "paths.results=elsewhere", "paths.store=elsewhere", "launcher.workers=1",
    "stats.replications=99", "stats.confidence_ratio=.9", "stats.keep_requests=true", "warmup=none", "engine=simpy",
    "study.question=why",
]  # fmt: skip
SIMULATED = [
    "seed=2", "horizon_s=999", "drain_s=999", "fleet.nodes=11", "fleet.speeds=[1,2]", "balancer=random",
    "balancer.refresh_s=2", "arrivals.cv=2", "arrivals.rate_per_s=3", "service.mean_s=2", "service.params.x=1",
]  # fmt: skip


@pytest.mark.parametrize("override", REPORT_ONLY)
def test_what_only_names_measures_or_reports_keeps_the_key(override: str) -> None:
    assert point_key(compose([override], composed=COMPOSED)) == PLAIN


@pytest.mark.parametrize("override", SIMULATED)
def test_what_is_simulated_makes_another_key(override: str) -> None:
    assert point_key(compose([override], composed=COMPOSED)) != PLAIN


def test_a_trace_counts_by_its_content(tmp_path: Path) -> None:
    def key(folder: str, text: str) -> str:
        path = tmp_path / folder / "trace.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return point_key(compose(["arrivals=trace", f"arrivals.path={path}"], composed=COMPOSED))

    assert key("a", "time\n0\n1\n") == key("b", "time\n0\n1\n")
    assert key("a", "time\n0\n1\n") != key("a", "time\n0\n2\n")


@pytest.mark.usefixtures("own_registry")
def test_an_extension_counts_by_its_content(tmp_path: Path) -> None:
    keys = set()
    for number, text in enumerate(("A = 1\n", "A = 1\n", "A = 2\n")):
        path = tmp_path / f"rule_{number}.py"
        path.write_text(text, encoding="utf-8")
        config = compose([f"extensions=[{path}]"], composed=COMPOSED)
        assert list(input_files(config)) == ["extensions[0]"]
        keys.add(point_key(config))
    assert len(keys) == 2


def test_the_code_counts_and_a_library_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "conf").mkdir()
    package = tmp_path / "__init__.py"

    def here() -> str:
        code_identity.cache_clear()
        return code_identity()

    monkeypatch.setattr(identity.sim, "__file__", str(package))
    package.write_text("", encoding="utf-8")
    first = here()
    (tmp_path / "README.md").write_text("words", encoding="utf-8")
    (tmp_path / "conf" / "__init__.py").write_text("A = 1", encoding="utf-8")
    assert here() == first, "neither words nor what lies beside the simulator"
    (tmp_path / "sub" / "rule.py").write_text("A = 1", encoding="utf-8")
    second = here()
    assert second != first
    monkeypatch.setattr(identity.metadata, "version", lambda name: "0")
    assert here() not in (first, second)
    monkeypatch.undo()
    assert len(here()) == 16


def test_versions_name_what_the_numbers_rest_on() -> None:
    found = versions()
    assert {"victor-sim", "code", "python", "numpy", "scipy", "simpy", "libm", "machine", "cpu_features"} <= set(found)
    assert all(found.values())
    assert cpu_features()
