"""Agents of a simulated fleet, each with a setting of its own: who serves what, and under which setting.

A node's answers start on the agent of that node that is free and oldest there. While an agent has a setting on trial it
takes its tasks in turn under the trial and under the one that stands, so that both arms of a window meet the same load;
which tasks those are is settled by their order alone. Law, luck and outcomes are those of `tuning`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.contracts import Draws
from sim.world.surfaces.surface import Surface
from sim.world.surfaces.tuning import SizedFifo, Start, Tuning

TRIAL_TURN, STANDING_TURN = 0, 1  # as node ordinals of a `Tuning` with one canary node
AGENTS_MAX = 10_000  # agents ever; those beyond it share the last one's books


class Seats:
    """Tunings by agent, made when an agent first serves; `agents_of`: node ordinal -> the agents that run there."""

    def __init__(self, surface: Surface, draws: Draws, agents_of: Callable[[int], list[str]]) -> None:
        self.surface, self.draws, self.agents_of = surface, draws, agents_of
        self.tunings: dict[str, Tuning] = {}
        self.turns: dict[str, int] = {}

    def tuning(self, agent_id: str) -> Tuning:
        """An agent's settings and outcomes."""
        if agent_id not in self.tunings:
            if len(self.tunings) >= AGENTS_MAX:
                return self.tunings[next(reversed(self.tunings))]
            self.tunings[agent_id] = Tuning(self.surface, self.draws, canary_nodes=1)
            self.turns[agent_id] = STANDING_TURN
        return self.tunings[agent_id]

    def turn(self, agent_id: str) -> int:
        """Whose turn it is among the arms of an agent's next task."""
        self.turns[agent_id] = following = 1 - self.turns.get(agent_id, STANDING_TURN)
        return following


class SeatedFifo(SizedFifo[tuple[str, Start]]):
    """A node's agents under `Seats`: an answer has its agent's setting of the instant in which it starts."""

    def __init__(self, seats: Seats, *args: Any) -> None:
        super().__init__(*args)
        self.seats = seats

    def _begun(self, row: int) -> tuple[str, Start]:
        busy = [agent_id for agent_id, _ in self.started.values()]
        here = self.seats.agents_of(self.node)
        agent_id = next((each for each in here if each not in busy), here[0])
        tuning, turn = self.seats.tuning(agent_id), self.seats.turn(agent_id)
        arm = tuning.arm_of(turn)
        self.columns.work_s[row] = tuning.sized(self.columns.request[row], turn, self.in_service + 1)
        return agent_id, (tuning.window, arm, tuning.point_of(arm))

    def _served(self, row: int, start: tuple[str, Start], sojourn_s: float) -> None:
        agent_id, begun = start
        self.seats.tuning(agent_id).served(self.columns.request[row], begun, sojourn_s)
