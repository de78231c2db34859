"""The settings of one fault of a random configuration: when it strikes, where, how long, and how hard."""

from __future__ import annotations

from sim.bench.dice import Dice, Overrides, digits

PLACELESS = ("poison_request", "overload")  # no episodes at nodes


def draw_fault(dice: Dice, found: Overrides, kind: str, horizon_s: float, mean_s: float) -> None:
    """Turn `faults.<kind>` on."""
    prefix = f"faults.{kind}."
    found[prefix + "enabled"] = True
    if kind not in PLACELESS:
        _draw_episodes(dice, found, kind, horizon_s)
    if kind == "crash":
        dice.may(found, 0.6, prefix + "in_flight", "requeue")
        dice.may(found, 0.4, prefix + "state", "lose")
        dice.may(found, 0.4, prefix + "repairers_max", 1, 2)
    elif kind == "slow":
        found[prefix + "factor"] = dice.of(0.05, 0.5, 1.0)
    elif kind == "partition":
        dice.may(found, 0.6, prefix + "direction", "to_node", "from_node")
    elif kind == "packet_loss":
        found[prefix + "loss_prob"] = dice.of(0.0, 0.1, 0.5)
        found[prefix + "delay_s"] = dice.share(mean_s, 0.0, 0.05)
        found[prefix + "delay_jitter_s"] = dice.share(mean_s, 0.0, 0.05)
        found[prefix + "retransmit_s"] = dice.share(mean_s, 0.1, 1.0)
    elif kind == "flapping":
        found[prefix + "silent_s"] = dice.share(horizon_s, 0.02, 0.1)
        found[prefix + "sound_s"] = dice.share(horizon_s, 0.02, 0.1)
    elif kind == "clock_skew":
        found[prefix + "offset_s"] = digits(dice.of(-1.0, 1.0) * dice.share(horizon_s, 0.05, 0.3))
        dice.may(found, 0.5, prefix + "drift_ratio", -0.1, 0.1)
    elif kind == "errors":
        found[prefix + "prob"] = dice.of(0.1, 0.5, 1.0)
    elif kind == "poison_request":
        found |= {prefix + "prob": dice.of(0.005, 0.05), prefix + "restart_s": dice.share(mean_s, 0.0, 1.0, 10.0)}
    elif kind == "overload":
        _draw_overload(dice, found, prefix, horizon_s)
    elif kind == "preemption":
        found[prefix + "notice_s"] = dice.share(horizon_s, 0.0, 0.02, 0.1)


def _draw_episodes(dice: Dice, found: Overrides, kind: str, horizon_s: float) -> None:
    prefix, zoned = f"faults.{kind}.", kind == "zone_outage"
    if dice.happens(0.6):
        found[prefix + "mttf_s"] = dice.share(horizon_s, 0.1, 0.3, 1.0)
        found[prefix + "mttr_s"] = dice.share(horizon_s, 0.02, 0.1)
        dice.may(found, 0.4, prefix + "repair", "deterministic")
    else:
        found[prefix + "at_s"] = dice.of([digits(0.3 * horizon_s)], [digits(0.1 * horizon_s), digits(0.6 * horizon_s)])
        found[prefix + "for_s"] = dice.share(horizon_s, 0.05, 0.3)
    zones, nodes = found.get("fleet.zones", []), found["fleet.nodes"]
    if zoned and zones and dice.happens(0.5):
        found[prefix + "zones"] = [dice.of(*zones[:nodes])]
    elif not zoned and dice.happens(0.4):
        found[prefix + "nodes"] = dice.several(range(nodes), dice.of(1, 2))


def _draw_overload(dice: Dice, found: Overrides, prefix: str, horizon_s: float) -> None:
    found[prefix + "shape"] = dice.of("step", "spike", "herd")
    found[prefix + "at_s"] = dice.share(horizon_s, 0.1, 0.5)
    found[prefix + "for_s"] = dice.share(horizon_s, 0.1, 0.3)
    found[prefix + "ratio"] = dice.of(0.5, 2.0)
    found[prefix + "requests_count"] = dice.of(20, 200)
