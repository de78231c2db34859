"""What strikes in a storm: faults at nodes, poisonous requests, overloads, and the deeds of an operator.

The kinds are those of the product (`faults.*`); of the wider catalogue of disasters it has crash and restart with and
without state, pause, gray nodes, errors behind sound checks, zone outages, partitions by node and direction, loss,
delay, silent heartbeats, wrong clocks, poison, overload and preemption. Disks, files, sockets and the optimizer's
metrics are struck by tests of their own, not here. A quarter of the schedules have no fault at all.
"""

from __future__ import annotations

from typing import Any

from sim.bench.dice import Dice, Overrides, digits
from sim.bench.storm.scenario import Deed, Strike

KINDS = (
    "crash", "crash", "slow", "pause", "partition", "packet_loss", "zone_outage", "flapping", "clock_skew", "errors",
    "preemption",
)  # fmt: skip
DEEDS = (
    "drain", "drain", "reopen", "rest", "offline", "remove", "undeploy", "deploy", "capacity", "bad_heartbeat",
    "farewell", "foreign_load", "late_heartbeat",
)  # fmt: skip
CUT_PROB = 0.3
FAULTLESS_PROB = 0.2


def draw_strikes(dice: Dice, found: Overrides, storm_s: float, mean_s: float, large: bool) -> tuple[Strike, ...]:
    """Up to five faults (large: twelve) of up to three kinds, some of them at one instant or back to back."""
    if dice.happens(FAULTLESS_PROB):
        return ()
    kinds = dice.several(KINDS, dice.of(1, 2, 3))
    strikes: list[Strike] = []
    for _ in range(dice.of(4, 8, 12) if large else dice.of(1, 2, 3, 5)):
        kind = dice.of(*kinds)
        at_s = (
            strikes[-1].at_s if strikes and dice.happens(0.2) else dice.share(storm_s, 0.02, 0.1, 0.25, 0.4, 0.6, 0.8)
        )
        for_s = dice.share(storm_s, 0.005, 0.03, 0.1, 0.3)
        if strikes and dice.happens(0.15):
            at_s = digits(strikes[-1].at_s + strikes[-1].for_s)  # the next begins where the last one ends
        for_s = min(for_s, digits(max(storm_s - at_s, 0.001 * storm_s)))
        if at_s >= storm_s:
            continue
        nodes: tuple[int, ...] = ()
        if kind != "zone_outage" and dice.happens(0.8):
            nodes = tuple(dice.several(range(found["fleet.nodes"]), dice.of(1, 1, 2)))
        strikes.append(Strike(kind, at_s, for_s, nodes, tuple(_settings(dice, found, kind, storm_s, mean_s).items())))
    return tuple(strikes)


def _settings(dice: Dice, found: Overrides, kind: str, storm_s: float, mean_s: float) -> dict[str, Any]:
    told: Overrides = {}
    if kind == "crash":
        dice.may(told, 0.5, "in_flight", "requeue")
        dice.may(told, 0.4, "state", "lose")
    elif kind == "slow":
        told["factor"] = dice.of(0.05, 0.5)
    elif kind == "partition":
        dice.may(told, 0.6, "direction", "to_node", "from_node")
    elif kind == "packet_loss":
        told |= {"loss_prob": dice.of(0.1, 0.3), "delay_s": dice.share(mean_s, 0.0, 0.05)}
        told |= {"delay_jitter_s": dice.share(mean_s, 0.0, 0.5), "retransmit_s": dice.share(mean_s, 0.1, 1.0)}
    elif kind == "zone_outage":
        zones = found.get("fleet.zones", ["zone-1"])[: found["fleet.nodes"]]
        if dice.happens(0.8):
            told["zones"] = (dice.of(*zones),)
    elif kind == "flapping":
        told |= {"silent_s": dice.share(storm_s, 0.01, 0.05), "sound_s": dice.share(storm_s, 0.01, 0.05)}
    elif kind == "clock_skew":
        told |= {"offset_s": dice.share(storm_s, -0.3, -0.05, 0.05, 0.3), "drift_ratio": dice.of(-0.1, 0.0, 0.1)}
    elif kind == "errors":
        told["prob"] = dice.of(0.1, 0.5, 1.0)
    elif kind == "preemption":
        told["notice_s"] = dice.share(storm_s, 0.0, 0.01, 0.05)
    return told


def draw_loads(dice: Dice, found: Overrides, storm_s: float, mean_s: float) -> None:
    """Faults of the load: poison and overload."""
    if dice.happens(0.12):
        found |= {"faults.poison_request.enabled": True, "faults.poison_request.prob": dice.of(0.02, 0.1)}
        found["faults.poison_request.restart_s"] = dice.share(mean_s, 0.0, 1.0, 5.0)
    if dice.happens(0.15):
        found |= {"faults.overload.enabled": True, "faults.overload.shape": dice.of("step", "spike", "herd")}
        found["faults.overload.at_s"] = dice.share(storm_s, 0.1, 0.4)
        found["faults.overload.for_s"] = dice.share(storm_s, 0.05, 0.2)
        found["faults.overload.ratio"] = dice.of(1.0, 4.0)
        found["faults.overload.requests_count"] = dice.of(5, 20, 40)


def draw_deeds(dice: Dice, found: Overrides, storm_s: float, large: bool) -> tuple[Deed, ...]:
    """What an operator does meanwhile; some of it is cut off at a drawn instant."""
    if not dice.happens(0.6):
        return ()
    deeds = []
    for _ in range(dice.of(3, 6, 10) if large else dice.of(1, 2, 4)):
        what, at_s = dice.of(*DEEDS), digits(storm_s * dice.between(0.02, 0.95))
        cut_s = dice.share(storm_s, 0.0, 0.001, 0.02) if dice.happens(CUT_PROB) else None
        deeds.append(Deed(what, at_s, int(dice.throw() * 64), dice.of(0.0, 0.01, 0.1, 1.0), cut_s))
    return tuple(sorted(deeds, key=lambda deed: deed.at_s))
