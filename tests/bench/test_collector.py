"""The collector is held off while a fleet is made, and as it was before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sim.bench.assemble import Assembly, assemble
from sim.bench.collector import held_off
from sim.bench.compose import compose


@pytest.fixture
def collector() -> Iterator[None]:
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.parametrize("was_on", [True, False])
def test_it_is_as_it_was_before_afterwards(was_on: bool, collector: None) -> None:
    (gc.enable if was_on else gc.disable)()

    def fail() -> None:
        with held_off():
            raise ValueError(gc.isenabled())

    with pytest.raises(ValueError, match="False"):
        fail()
    assert gc.isenabled() is was_on


def test_only_the_deployment_is_without_it(collector: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.enable()
    seen: list[bool] = []
    deploy = Assembly._deploy

    async def watched(self: Assembly) -> None:
        seen.append(gc.isenabled())
        await deploy(self)

    monkeypatch.setattr(Assembly, "_deploy", watched)
    built = assemble(compose(["fleet=yardstick", "horizon_s=1", "arrivals.rate_per_s=1"]), 0)
    built.run()
    assert (seen, gc.isenabled()) == ([False], True)
    assert built.setup_cpu_s > 0.0
    assert built.load_cpu_s > 0.0
