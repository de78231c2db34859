"""A second source beside the load's own, demands drawn anew, and who hears when somebody waits or a node falls idle."""

from __future__ import annotations

import numpy as np
import pytest

from sim.runtime.draws import SERVICE_REQUEST, CounterDraws
from sim.world.attempts import AttemptDraws, redraw
from sim.world.columns import Columns
from sim.world.params import ServiceParams
from sim.world.service.laws import exponential
from sim.world.timers import SIDE_FIRST
from sim.world.world import World
from tests.world.scripted import ScriptedTokens
from tests.world.struck import ChosenDraws, crash, struck_run

WORK_S = {0: 2.0, 1: 2.0, 2: 2.0, SIDE_FIRST: 1.0, SIDE_FIRST + 1: 5.0, SIDE_FIRST + 2: 1.0}


def test_a_second_source_has_timers_of_its_own_and_ordinals_of_its_own() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 3.0}
    run = struck_run(
        [0.0, 4.0, 8.0],
        WORK_S,
        to=(0, 1, 1, 0, 0, 1),
        side=[0.5, 0.75, 9.0],
        retry=retry,
        deadline_s=5.0,
        hedge_after_s=2.75,
    )
    first, second, third = (SIDE_FIRST + number for number in range(3))
    assert run.ends == [
        (0, 0, 0, "ok", 2.0),
        (1, 0, 0, "timed_out", 7.0),  # behind the hedge of `second`, which nobody waits for
        (1, 1, 1, "ok", 8.75),  # its own hedge of 6.75, on a node that is free since 6.5
        (2, 0, 0, "timed_out", 11.0),
        (2, 1, 0, "timed_out", 13.0),
        (first, 0, 1, "ok", 1.5),
        (second, 0, 1, "timed_out", 3.75),  # runs there from 1.5 to 6.5
        (second, 1, 0, "timed_out", 5.75),  # the hedge of 3.5; the deadline
        (third, 0, 0, "timed_out", 12.0),
        (third, 1, 0, "timed_out", 14.0),
    ]
    assert run.record.arrivals_count == 6


def test_a_second_source_that_is_empty_and_one_that_goes_on_after_the_horizon() -> None:
    assert struck_run([0.0], [1.0], side=[]).record.arrivals_count == 1
    run = struck_run([0.0], {0: 4.0, SIDE_FIRST: 1.0, SIDE_FIRST + 1: 1.0}, side=[0.5, 2.5], horizon_s=2.0)
    assert run.engine.arrivals_count == 2


def test_a_demand_drawn_anew_is_a_function_of_request_and_attempt() -> None:
    def again(world: World) -> None:
        def double(row: int) -> None:
            world.columns.work_s[row] *= 2.0 * world.columns.attempt[row]

        assert world.rules is not None
        world.rules.redraw = double

    retry = {"attempts_max": 3, "attempt_timeout_s": 2.0}
    run = struck_run([1.0], [2.5], to=(0, 1, 2), nodes=3, retry=retry, during={0.0: again})
    assert run.record.attempts.work_s.tolist() == [2.5, 5.0, 10.0]

    law, draws = exponential(ServiceParams(mean_s=2.0)), CounterDraws(5, 0)
    columns = Columns(tokens=False, several=True)
    columns.extend([7], [0.0])
    columns.work_s.extend(law.work_s(draws, np.array([7], dtype=np.uint64), None))
    for column in (columns.view, columns.key, columns.priority, columns.single):
        column.extend([0])
    row = columns.add_attempt(0, 3, 1.0)
    assert columns.work_s[row] == columns.work_s[0]
    redraw(columns, row, law, draws)
    assert columns.work_s[row] == law.work_s(draws, np.array([7], dtype=np.uint64), None, 3)[0]
    assert columns.work_s[row] != columns.work_s[0]


def test_tokens_drawn_anew() -> None:
    columns = Columns(tokens=True, several=True)
    columns.extend([1], [0.0])
    row = columns.add_attempt(0, 1, 1.0)
    columns.prompt_tokens.extend([0, 0])
    columns.output_tokens.extend([0, 0])
    redraw(columns, row, ScriptedTokens([(1, 2), (3, 4)]), CounterDraws(5, 0))
    assert (columns.prompt_tokens[row], columns.output_tokens[row]) == (3, 4)


def test_draws_of_an_attempt_are_those_of_the_counter() -> None:
    draws = CounterDraws(5, 0)
    own = AttemptDraws(draws, 2)
    assert own.uniform(SERVICE_REQUEST, 9) == draws.uniform(SERVICE_REQUEST, 9, 2)
    assert own.uniforms(SERVICE_REQUEST, 9, 3, 2).tolist() == draws.uniforms(SERVICE_REQUEST, 9, 3, 2, 2).tolist()
    assert own.uniforms_of(SERVICE_REQUEST, np.array([9], dtype=np.uint64))[0, 0] == own.uniform(SERVICE_REQUEST, 9)


class Poked:
    """Instants at which somebody began or ended to wait, or a node fell idle."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.world: World | None = None

    def hear(self, world: World) -> None:
        self.world = world

    def __call__(self) -> None:
        assert self.world is not None
        self.at.append(self.world.runtime.now())


@pytest.mark.parametrize("kills", [False, True])
def test_who_scales_on_demand_hears_of_waits_and_of_idle_nodes(kills: bool) -> None:
    poked = Poked()

    def to(count: int, now: float) -> int:
        return 0 if now < 1.0 or now >= 4.0 else -1

    run = struck_run(
        [0.5, 1.0, 3.0], [1.5, 1.0, 1.0], to=to, nodes=1, deadline_s=1.75, kills=kills, on_demand=poked,
        during={0.0: poked.hear, 4.0: lambda world: world.engine.membership_changed()},
    )  # fmt: skip
    # 0 ends and leaves node 0 idle at 2; 1 waits from 1 to its deadline at 2.75; 2 from 3 to 4, out at 4.75 or ok at 5
    assert [row[0] for row in run.rows("status")] == ["ok", "timed_out", "timed_out"]
    assert poked.at == [1.0, 2.0, 2.75, 3.0, 4.0, 4.75] if kills else [1.0, 2.0, 2.75, 3.0, 4.0]


def test_a_hedge_that_was_cancelled_leaves_its_node_idle() -> None:
    poked = Poked()
    struck_run([0.5], [2.0], to=(0, 1), hedge_after_s=1.0, on_demand=poked, during={0.0: poked.hear})
    assert poked.at == [2.5, 2.5]  # the loser's node, then the winner's


def test_a_waiting_request_is_outrun() -> None:
    """Its first attempt waits at the balancer again after a crash; the hedge answers first."""

    def to(count: int, now: float) -> int:
        return (0, 1)[count] if count < 2 else -1

    run = struck_run([0.0], [3.0], to=to, hedge_after_s=1.0, during={2.0: crash(0, requeue=True)})
    assert run.ends == [(0, 0, 0, "failed", 2.0), (0, 1, 1, "ok", 4.0), (0, 2, -1, "truncated", None)]
    assert run.record.central_area_s == 2.0
    assert run.engine.waiting_count == 0


def test_a_chosen_draw_is_what_was_chosen() -> None:
    draws = ChosenDraws({(SERVICE_REQUEST, 1, 0): 0.25})
    assert draws.uniform(SERVICE_REQUEST, 1) == 0.25
    assert draws.uniform(SERVICE_REQUEST, 1, 1) == CounterDraws(1, 0).uniform(SERVICE_REQUEST, 1, 1)
