"""Which engine `auto` takes: the compiled one for what it can make, is long, and is not decided at every request."""

from __future__ import annotations

import pytest

from sim.bench.compose import compose
from sim.bench.engine_choice import AUTO_REQUESTS_MIN, wants_compiled

RATE_PER_S = 10.0
LONG = (f"arrivals.rate_per_s={RATE_PER_S}", f"horizon_s={AUTO_REQUESTS_MIN / RATE_PER_S}")
SHORT = (f"arrivals.rate_per_s={RATE_PER_S}", f"horizon_s={AUTO_REQUESTS_MIN / RATE_PER_S - 1.0}")


@pytest.mark.parametrize(
    ("words", "compiled"),
    [
        (LONG, True),
        (SHORT, False),
        ((*SHORT, "engine=compiled"), True),
        ((*LONG, "engine=simpy"), False),
        ((*LONG, "autoscaler=hpa"), True),
        ((*LONG, "autoscaler=on_demand", "balancer.queue=central"), False),
        ((*LONG, "autoscaler=on_demand", "balancer.queue=central", "engine=compiled"), True),
        ((*LONG, "gateway=default"), False),
    ],
)
def test_auto_takes_what_is_faster(words: tuple[str, ...], compiled: bool) -> None:
    assert wants_compiled(compose(list(words))) is compiled
