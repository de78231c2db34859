"""Messages: what is lost and late, how conditions compose, and that every answer is a function of the draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.runtime.draws import CHECK, HEARTBEAT, CounterDraws
from sim.world.network import CLEAR, HOP_STRIDE, RETRANSMIT_MAX_S, RETRANSMITS_MAX, Network, Path, compose

Z = 4.5
COUNT = 10_000


def network_with(*paths: Path, serial: int | None = None) -> Network:
    network = Network(CounterDraws(11, 0))
    for path in paths:
        network.degrade(serial, path)
    return network


def requests(network: Network, to_node: bool = True, serial: int = 0) -> list[float]:
    return [network.request_delay_s(serial, to_node, entity, 0) for entity in range(COUNT)]


def test_a_plain_network_is_immediate() -> None:
    network = Network(CounterDraws(11, 0))
    assert network.plain
    assert network.request_delay_s(3, True, 7, 0) == 0.0
    assert network.datagram_delay_s(3, False, HEARTBEAT, 7) == 0.0
    assert network.path(3) == CLEAR


def test_blocks_are_counted_by_direction() -> None:
    network = Network(CounterDraws(11, 0))
    network.block(3, True, False)
    network.block(3, True, True)
    assert math.isinf(network.request_delay_s(3, True, 7, 0))
    assert math.isinf(network.datagram_delay_s(3, False, HEARTBEAT, 7))
    assert network.request_delay_s(4, True, 7, 0) == 0.0
    network.unblock(3, True, True)
    assert (network.blocked(3, True), network.blocked(3, False), network.plain) == (True, False, False)
    assert network.datagram_delay_s(3, False, HEARTBEAT, 7) == 0.0
    network.unblock(3, True, False)
    assert (network.blocked(3, True), network.plain) == (False, True)


def test_a_lost_request_is_sent_again_after_doubling_times() -> None:
    loss, first_s = 0.3, 0.2
    delays = requests(network_with(Path(loss, 0.5, 0.0, first_s)))
    for losses in range(4):
        expected_s = 0.5 + first_s * (2**losses - 1)
        share = sum(math.isclose(delay, expected_s) for delay in delays) / COUNT
        prob = loss**losses * (1 - loss)
        assert abs(share - prob) < Z * math.sqrt(prob * (1 - prob) / COUNT)


def test_retransmissions_are_bounded_in_number_and_time() -> None:
    network = network_with(Path(loss_prob=1.0, retransmit_s=0.2))
    assert math.isinf(network.request_delay_s(0, True, 7, 0))
    always = network_with(Path(loss_prob=0.97, retransmit_s=60.0))
    all_delays = [always.request_delay_s(0, True, entity, 0) for entity in range(2_000)]
    delays = [delay for delay in all_delays if 0.0 < delay < math.inf]
    steps = {round((delay - 60.0) / RETRANSMIT_MAX_S, 9) for delay in delays}
    assert steps == {float(step) for step in range(RETRANSMITS_MAX)}  # 60, then 120 each
    lost = sum(map(math.isinf, all_delays)) / 2_000
    prob = 0.97 ** (RETRANSMITS_MAX + 1)
    assert abs(lost - prob) < Z * math.sqrt(prob * (1 - prob) / 2_000)
    assert 2 * HOP_STRIDE <= 1 << 16  # indexes a draw can have


def test_jitter_is_exponential_on_top_of_the_delay() -> None:
    delays = np.array(requests(network_with(Path(0.0, 0.5, 0.1))))
    assert delays.min() >= 0.5
    assert abs(delays.mean() - 0.6) < Z * 0.1 / math.sqrt(COUNT)
    over = float((delays > 0.5 + 0.1 * math.log(2.0)).mean())
    assert abs(over - 0.5) < Z * 0.5 / math.sqrt(COUNT)


def test_datagrams_are_lost_for_good() -> None:
    network = network_with(Path(0.05, 0.5, 0.1, 0.2))
    delays = np.array([network.datagram_delay_s(0, True, CHECK, entity) for entity in range(COUNT)])
    lost = float(np.isinf(delays).mean())
    assert abs(lost - 0.05) < Z * math.sqrt(0.05 * 0.95 / COUNT)
    arrived = delays[np.isfinite(delays)]
    assert abs(arrived.mean() - 0.6) < Z * 0.1 / math.sqrt(len(arrived))
    steady = network_with(Path(0.0, 0.5))
    assert steady.datagram_delay_s(0, False, CHECK, 1) == 0.5


def test_the_two_ways_and_the_attempts_are_independent() -> None:
    network = network_with(Path(0.5, 0.0, 0.0, 1.0))
    there = np.array(requests(network)) > 0.0
    back = np.array(requests(network, to_node=False)) > 0.0
    again = np.array([network.request_delay_s(0, True, entity, 1) for entity in range(COUNT)]) > 0.0
    for other in (back, again):
        assert abs(float((there == other).mean()) - 0.5) < Z * 0.5 / math.sqrt(COUNT)
    heartbeats = [
        [math.isinf(network.datagram_delay_s(0, way, what, entity)) for entity in range(COUNT)]
        for way, what in ((True, HEARTBEAT), (False, HEARTBEAT), (True, CHECK))
    ]
    for datagrams in heartbeats[1:]:
        same = float((np.array(heartbeats[0]) == np.array(datagrams)).mean())
        assert abs(same - 0.5) < Z * 0.5 / math.sqrt(COUNT)


def test_an_answer_is_a_function_of_the_message_alone() -> None:
    path = Path(0.3, 0.5, 0.1, 0.2)
    forward, fresh = requests(network_with(path)), network_with(path)
    backward = [fresh.request_delay_s(0, True, entity, 0) for entity in reversed(range(COUNT))]
    assert forward == backward[::-1]
    assert requests(network_with(path), serial=5) == forward  # which node does not matter


def test_conditions_compose_and_end_by_themselves() -> None:
    fleet, first, second = Path(0.5, 1.0, 0.1, 0.2), Path(0.2, 2.0, 0.2, 0.1), Path(0.2, 0.0, 0.0, 0.4)
    network = network_with(fleet)
    network.degrade(3, first)
    network.degrade(3, second)
    network.degrade(3, second)
    assert network.path(4) == fleet
    composed = network.path(3)
    assert composed.loss_prob == pytest.approx(1 - 0.5 * 0.8**3)
    assert composed.delay_jitter_s == pytest.approx(0.3)
    assert (composed.delay_s, composed.retransmit_s) == (3.0, 0.4)
    assert compose([first, fleet, second]) == compose([second, fleet, first])
    network.restore(3, second)
    network.restore(3, first)
    network.restore(None, fleet)
    assert (network.path(3), network.path(4), network.plain) == (second, CLEAR, False)
    network.restore(3, second)
    assert network.plain


def test_a_node_that_is_gone_takes_its_troubles_along() -> None:
    network = network_with(Path(0.5), serial=3)
    network.block(3, True, True)
    network.forget(3)
    network.forget(3)
    assert (network.plain, network.blocked(3, True), network.path(3)) == (True, False, CLEAR)
