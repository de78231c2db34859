"""A guard before the balancer: bounds on size, fields that must be there, types and keys that are let through.

Default is to let pass; each rule says why it does not. It reads sizes as the client declared them.
"""

from __future__ import annotations

from typing import Any


class Plugin:
    """`refused` counts by rule."""

    def __init__(self, context: Any) -> None:
        settings = context.settings
        self.sizes_max = {name: settings[f"{name}_max"] for name in ("prompt_tokens", "output_tokens")}
        self.required: list[str] = settings["required"]
        self.allow_types: frozenset[str] = frozenset(settings["allow_types"])
        self.deny_keys: frozenset[float] = frozenset(settings["deny_keys"])
        self.refused = {"size": 0, "schema": 0, "type": 0, "key": 0}

    def before_request(self, payload: dict[str, Any]) -> dict[str, str] | None:
        """Reject, with a reason, or let pass."""
        for name, size_max in self.sizes_max.items():
            size = payload.get(name)
            if size is None:
                continue
            if not isinstance(size, int) or size < 0:
                return self._refuse("schema", f"{name} is no size")
            if size > size_max:
                return self._refuse("size", f"{name} {size} above {size_max}")
        for name in self.required:
            if payload.get(name) is None:
                return self._refuse("schema", f"{name} is missing")
        if self.allow_types and payload.get("type") not in self.allow_types:
            return self._refuse("type", f"type {payload.get('type')}")
        if payload.get("key") in self.deny_keys:
            return self._refuse("key", f"key {payload.get('key')}")
        return None

    def _refuse(self, rule: str, reason: str) -> dict[str, str]:
        self.refused[rule] += 1
        return {"reject": f"{rule}: {reason}"}
