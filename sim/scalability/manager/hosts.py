"""The agent host of a manager that was given none: agents are ready at once and there is nothing to stop."""

from __future__ import annotations

from typing import Any


class InstantHost:
    """Implements `contracts.AgentHost`."""

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        """The agent is ready."""

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        """The agent has stopped."""
