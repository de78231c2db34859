"""One attempt on one node: sent over its connection, waited for, and told to the balancer and to passive health.

The balancer counts it from its pick to its end, however it ends. What the node itself said (an answer, a refusal, a
failure) or did not say in time goes to breakers and ejection; a connection that broke, or a caller who went away, says
nothing about the node's agents. An answer under an old generation of the slot (fenced meanwhile) does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.contracts import Runtime
from sim.errors import SimError
from sim.live.serve.links import NodeLink
from sim.runtime.cancelled import Cancelled
from sim.scalability.balancer.balancer import Balancer
from sim.scalability.health.outcomes import OutcomeHub
from sim.types.records import FAILED, REJECTED, STATUSES, TIMED_OUT


class AttemptFailed(SimError):
    """An attempt ended without an answer; the request may be tried again, at once where the connection `broke`."""

    def __init__(self, status: int, problem: str, broke: bool = False) -> None:
        super().__init__(status, problem, broke)
        self.status, self.problem, self.broke = status, problem, broke

    def __str__(self) -> str:
        return f"{STATUSES[self.status]}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an attempt goes."""

    dispatcher: int
    slot: int
    generation: int
    idle_draw: float = 0.0


class Attempts:
    """`link_of` gives a node's connection, None without one; `present` counts attempts under way by slot."""

    def __init__(
        self, runtime: Runtime, balancer: Balancer, hub: OutcomeHub | None,
        link_of: Callable[[str], NodeLink | None], slots_max: int,
    ) -> None:  # fmt: skip
        self.runtime, self.balancer, self.hub, self.link_of = runtime, balancer, hub, link_of
        self.present = [0] * slots_max
        self.late_count = 0

    async def run(self, sent: Sent, content: dict[str, Any], within_s: float | None) -> dict[str, Any]:
        """The node's answer; raises `AttemptFailed`."""
        node_id, agent_type = self.balancer.slots[sent.slot]
        link, slot, sent_at = self.link_of(node_id), sent.slot, self.runtime.now()
        self._tell("sent", sent, sent_at)
        ahead = self.present[slot]
        self.present[slot] += 1
        try:
            if link is None:
                raise ConnectionError("it is not connected")
            answer = await link.run(agent_type, content, within_s)
        except TimeoutError:
            self._give_up(sent, "failed")
            raise AttemptFailed(TIMED_OUT, f"no answer of {node_id} within {within_s:g} s") from None
        except ConnectionError as error:
            self._give_up(sent, "dropped")
            raise AttemptFailed(FAILED, f"{node_id}: {error}", True) from None
        except Cancelled:
            self._give_up(sent, "dropped")
            raise
        finally:
            self.present[slot] -= 1
        if self.balancer.generation[slot] != sent.generation:
            self.late_count += 1
            raise AttemptFailed(FAILED, f"{node_id} was given up before it answered", True)
        if "error" in answer:
            self._give_up(sent, "failed")
            status = REJECTED if answer.get("status") == STATUSES[REJECTED] else FAILED
            raise AttemptFailed(status, f"{node_id}: {answer['error']}")
        now = self.runtime.now()
        left = int(answer.get("present", 0))
        self.balancer.complete(sent.dispatcher, slot, sent.generation, now, now - sent_at, left, sent.idle_draw)
        if self.balancer.probes_count:
            self.balancer.record_latency(slot, ahead, now - sent_at)
        self._tell("ok", sent, now)
        return {"node_id": node_id, **{name: answer[name] for name in ("result", "waited_s", "ran_s")}}

    def _give_up(self, sent: Sent, word: str) -> None:
        now = self.runtime.now()
        self.balancer.refused(sent.dispatcher, sent.slot, sent.generation, now)
        self._tell(word, sent, now)

    def _tell(self, word: str, sent: Sent, now: float) -> None:
        """Passive health hears of the attempt, unless its slot is somebody else's by now."""
        if self.hub is None or self.balancer.generation[sent.slot] != sent.generation:
            return
        hear = getattr(self.hub, word)
        if hear is not None:
            hear(sent.slot, now)
