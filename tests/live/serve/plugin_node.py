"""An agent that shows what it was given, and says of itself what the optimizer may learn from."""

from __future__ import annotations

from typing import Any


async def shows(content: dict[str, Any]) -> dict[str, Any]:
    """The settings of its task, and how much it took."""
    settings = content.get("settings", {})
    return {"settings": settings, "metrics": {"resource_usage": settings.get("max_tokens", 0) / 10_000}}
