"""Requests, answers and refusals over a network that delays or loses them, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

from sim.runtime.draws import MESSAGE_LOSS
from sim.world.network import Path
from sim.world.world import World
from tests.world.struck import crash, fence, struck_run


def delayed(delay_s: float, serial: int | None = None, loss_prob: float = 0.0) -> Callable[[World], None]:
    path = Path(loss_prob=loss_prob, delay_s=delay_s, retransmit_s=0.5)
    return lambda world: world.machines.network.degrade(serial, path)


def cut(node: int, to_node: bool = True, from_node: bool = True) -> Callable[[World], None]:
    return lambda world: world.machines.network.block(node, to_node, from_node)


def heal(node: int, to_node: bool = True, from_node: bool = True) -> Callable[[World], None]:
    return lambda world: world.machines.network.unblock(node, to_node, from_node)


def test_both_ways_take_their_time() -> None:
    run = struck_run([1.0], [2.0], nodes=1, during={0.0: delayed(0.25)})
    assert run.rows("placed_at", "started_at", "left_at", "finished_at") == [(1.25, 1.25, 3.25, 3.5)]
    assert run.balancer.completed == [(0, 3.5, 2.5, 0)]


def test_a_refusal_travels_too() -> None:
    run = struck_run([1.0, 1.25], [2.0, 1.0], nodes=1, queue_max=0, during={0.0: delayed(0.25)})
    assert run.ends == [(0, 0, 0, "ok", 3.5), (1, 0, 0, "rejected", 1.75)]


def test_a_lost_transmission_is_sent_again() -> None:
    chosen = {(MESSAGE_LOSS, 1, 0): 0.9}  # request 0 loses every one of its transmissions, request 1 none
    run = struck_run(
        [1.0, 1.0], [1.0, 1.0], nodes=2, to=(0, 1), chosen={**chosen, MESSAGE_LOSS: 0.1}, deadline_s=9.0,
        during={0.0: delayed(0.25, loss_prob=0.5)},
    )  # fmt: skip
    assert run.ends == [(0, 0, 0, "timed_out", 10.0), (1, 0, 1, "ok", 2.5)]
    assert run.rows("placed_at") == [(None,), (1.25,)]


def test_what_was_given_up_on_its_way_does_not_arrive() -> None:
    run = struck_run([1.0], [2.0], nodes=1, deadline_s=0.5, horizon_s=9.0, during={0.0: delayed(1.0)}, kills=True)
    assert run.ends == [(0, 0, 0, "timed_out", 1.5)]
    assert run.record.nodes.arrived[0] == 0


def test_an_answer_on_its_way_when_its_node_is_fenced_comes_too_late() -> None:
    run = struck_run([0.0, 0.0], [1.0, 9.0], to=(0, 1), during={0.0: delayed(1.0, serial=0), 2.5: fence(0)})
    # there at 1, served by 2, would be heard at 3
    assert run.ends == [(0, 0, 0, "failed", 2.5), (1, 0, 1, "ok", 9.0)]
    assert run.engine.late_count == 1


def test_a_request_reaches_a_machine_that_has_crashed_meanwhile() -> None:
    run = struck_run([0.0], [1.0], nodes=1, deadline_s=3.0, during={0.0: delayed(1.0), 0.5: crash(0)})
    assert run.ends == [(0, 0, 0, "timed_out", 3.0)]
    assert run.record.nodes.arrived[0] == 0


def test_a_node_that_is_cut_off_gets_nothing_and_what_it_says_is_lost() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 2.0}
    run = struck_run(
        [0.0, 2.0], [1.5, 1.0], to=(0, 1, 0, 1), retry=retry, during={1.0: cut(0), 6.0: heal(0)}, horizon_s=7.0
    )
    # 0 is served, its answer at 1.5 is lost; 1 never gets there
    assert run.ends == [
        (0, 0, 0, "timed_out", 2.0), (0, 1, 1, "ok", 3.5), (1, 0, 0, "timed_out", 4.0), (1, 1, 1, "ok", 5.0),
    ]  # fmt: skip
    assert run.rows("left_at") == [(1.5,), (3.5,), (None,), (5.0,)]
    assert run.rows("placed_at")[2] == (None,)


def test_one_way_only() -> None:
    run = struck_run([0.0], [1.0], nodes=1, deadline_s=3.0, during={0.0: cut(0, to_node=False)})
    assert run.ends == [(0, 0, 0, "timed_out", 3.0)]
    assert run.record.nodes.answered[0] == 1  # served, and nobody knows
    run = struck_run([0.0], [1.0], nodes=1, deadline_s=3.0, during={0.0: cut(0, from_node=False)})
    assert run.record.nodes.arrived[0] == 0
