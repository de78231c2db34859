"""power_of_d: look at d distinct eligible slots drawn uniformly, take the least loaded (Mitzenmacher 1996, 2001).

Signal: the count, local (exact, own dispatches) or polled (up to `refresh_s` old). Settings: d.
The m-th draw maps u to one of the n - m + 1 slots not drawn yet; the first drawn wins ties, which is uniform among the
tied. d >= n looks at all. Envoy draws with replacement, so that with two hosts it takes the worse one 25 % of the
time; without replacement that cannot happen. O(d^2), d <= 128; a plain pair for d = 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.errors import ConfigError
from sim.registry import register
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState, ViewState, integers
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.sample import draw_distinct

D_MAX = 128


class SampleState(ViewState):
    """`d` and the positions drawn so far, ascending, shape (d,)."""

    __slots__ = ("d", "drawn")

    def __init__(self, slots_max: int, d: int) -> None:
        super().__init__(slots_max)
        self.d = d
        self.drawn = integers(d)


def pick_pair(fleet: FleetState, state: ViewState, draws: Sequence[float], key: int, now: float) -> int:
    """The less loaded of two distinct slots; the first drawn on a tie. The same as `pick_sample` with d = 2."""
    size = state.size
    slots = state.slots
    first = int(draws[0] * size)
    slot = slots[first]
    if size == 1:
        return slot
    second = int(draws[1] * (size - 1))
    if second >= first:
        second += 1
    other = slots[second]
    count = fleet.count
    return other if count[other] < count[slot] else slot


def foresee_pair(
    fleet: FleetState, state: ViewState, picks: Sequence[float], length: int, place: int, ahead: int
) -> int:
    """What `pick_pair` would give request `place` now: draw d is `picks[d * length + place]`, of two slots or more.

    The request is `ahead` requests from now.
    """
    size, slots, count = state.size, state.slots, fleet.count
    first = int(picks[place] * size)
    second = int(picks[length + place] * (size - 1))
    if second >= first:
        second += 1
    slot, other = slots[first], slots[second]
    return other if count[other] < count[slot] else slot


def pick_sample(fleet: FleetState, state: SampleState, draws: Sequence[float], key: int, now: float) -> int:
    """The least loaded of `d` distinct slots; the first drawn on a tie."""
    size, slots, drawn, count = state.size, state.slots, state.drawn, fleet.count
    best = -1
    for number in range(min(state.d, size)):
        slot = slots[draw_distinct(drawn, number, size, draws[number])]
        if best < 0 or count[slot] < count[best]:
            best = slot
    return best


@register("balancer", "power_of_d")
def power_of_d(params: BalancerParams) -> Chooser:
    """Reads `d`; raises `ConfigError` above 128 (least_connections looks at all)."""
    d = params.d
    if not 1 <= d <= D_MAX:
        raise ConfigError("balancer.d", d, f"1 to {D_MAX} (least_connections looks at all)")

    def make_state(slots_max: int, dispatcher: int, dispatchers: int) -> SampleState:
        return SampleState(slots_max, d)

    return Chooser(
        pick=pick_pair if d == 2 else pick_sample,
        make_state=make_state,
        draws_count=d,
        foresee=foresee_pair if d == 2 else None,
    )
