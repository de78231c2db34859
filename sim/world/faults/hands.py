"""What every fault has in hand: the world, the clock, and the books of who holds what at a node.

Several faults may hold the same flag of a node (a crash within a zone outage, two slow disks). Each puts its own value
in and takes only that out again; what the world is told is composed from the values that are left, in the order of the
faults' codes, so that it does not depend on which came first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import FAULT
from sim.world.faults.params import EpisodeParams
from sim.world.faults.schedule import STEP, key_of
from sim.world.faults.target import FaultTarget


@dataclass(slots=True)
class Episode:
    """One fault at one node while it is on; `entity` names it in draws and keys."""

    node_id: str
    serial: int
    entity: int
    occurrence: int
    began_at: float
    on: bool = True


@dataclass(slots=True)
class Hands:
    """Reach into the world for all faults of a run."""

    env: OrderedEnvironment
    target: FaultTarget
    _held: dict[tuple[str, str], dict[int, Any]] = field(default_factory=dict)  # (flag, node) -> code -> value

    def hold(self, flag: str, node_id: str, code: int, value: Any) -> list[Any]:
        """Put a value in; gives all that are held now, in order of code."""
        held = self._held.setdefault((flag, node_id), {})
        held[code] = value
        return [held[one] for one in sorted(held)]

    def holds(self, flag: str, node_id: str, code: int) -> bool:
        """Whether the fault of this code holds the flag."""
        return code in self._held.get((flag, node_id), {})

    def release(self, flag: str, node_id: str, code: int) -> list[Any]:
        """Take the own value out; gives those that are left."""
        held = self._held[flag, node_id]
        del held[code]
        if not held:
            del self._held[flag, node_id]
        return [held[one] for one in sorted(held)]

    def forget(self, node_id: str) -> None:
        """The node is gone."""
        for key in [key for key in self._held if key[1] == node_id]:
            del self._held[key]

    def take_down(self, node_id: str, code: int, requeue: bool, keep_state: bool) -> None:
        """Crash a node; one that is down already loses at most its state."""
        lost = False in self._held.get(("down", node_id), {}).values()
        if len(self.hold("down", node_id, code, keep_state)) == 1 or not (keep_state or lost):
            self.target.crash(node_id, requeue, keep_state)

    def bring_back(self, node_id: str, code: int) -> None:
        """Restore a node once nothing else keeps it down."""
        if not self.release("down", node_id, code):
            self.target.restore(node_id)

    def later(self, at: float, episode: Episode, step: Callable[[Any], None], arg: Any) -> None:
        """Call `step(arg)` within an episode; the step asks whether the episode is still on."""
        at = max(at, self.env.now)  # turns shorter than the clock's resolution
        self.env.call_at(at, FAULT, key_of(episode.entity, STEP), step, arg)


class Fault:
    """One fault with its settings; subclasses say what striking and healing mean."""

    params_type: ClassVar[type[Any]] = EpisodeParams
    scope = "node"  # what an episode strikes at once: node, zone, fleet; load: no episodes
    lead_s = 0.0  # warning before the time down

    def __init__(self, params: Any, hands: Hands, code: int) -> None:
        self.params, self.hands, self.code = params, hands, code

    def episodes(self) -> EpisodeParams:
        """When it strikes."""
        params: EpisodeParams = self.params
        return params

    def strike(self, episode: Episode) -> None:
        """The episode begins at a node."""
        raise AssertionError("a fault without an effect")

    def heal(self, episode: Episode) -> None:
        """It ends there."""
        raise AssertionError("a fault without an end")
