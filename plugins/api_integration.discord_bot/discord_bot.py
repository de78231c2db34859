"""Fleet incidents as messages to a webhook: `{"username", "content", "embeds"}`, Discord's execute-webhook format.

It reaches out through the host's `http.fetch` alone, to the host of `webhook_url`, which the operator must grant. At
most `posts_per_minute_max` in any minute; what is over is counted and told with the next post. A 429 is waited out.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

COLORS = {"offline": 0xD62728, "online": 0x2CA02C}
CONTENT_MAX = 2_000
MINUTE_S = 60.0


class Plugin:
    """`posted_at` are the instants of the posts of the last minute."""

    def __init__(self, context: Any) -> None:
        self.context = context
        settings = context.settings
        self.url: str = settings["webhook_url"]
        self.states: list[str] = settings["states"]
        self.posts_max: int = settings["posts_per_minute_max"]
        self.username: str = settings["username"]
        self.posted_at: deque[float] = deque(maxlen=self.posts_max)
        self.held_until = 0.0
        self.left_out = self.posts_count = 0

    async def node_state_changed(self, payload: dict[str, Any]) -> None:
        """Tell of a node that went or came."""
        if self.url and payload["new"] in self.states:
            text = f"node {payload['node']} is {payload['new']} (was {payload['old']}): {payload['reason']}"
            await self._post(text, COLORS.get(payload["new"], 0x7F7F7F))

    async def _post(self, text: str, color: int) -> None:
        now = self.context.at
        recent = [at for at in self.posted_at if at > now - MINUTE_S]
        if now < self.held_until or len(recent) >= self.posts_max:
            self.left_out += 1
            return
        left_out = f" ({self.left_out} more were left out)" if self.left_out else ""
        message = {
            "username": self.username,
            "content": (text + left_out)[:CONTENT_MAX],
            "embeds": [{"description": text[:CONTENT_MAX], "color": color}],
            "allowed_mentions": {"parse": []},
        }
        self.posted_at.append(now)
        reply = await self.context.call(
            "http.fetch", url=self.url, method="POST", headers={"content-type": "application/json"},
            body=json.dumps(message),
        )  # fmt: skip
        if reply["status"] == 429:
            self.held_until = now + self._retry_after_s(reply["headers"])
            self.left_out += 1
        elif reply["status"] >= 400:
            raise RuntimeError(f"the webhook answered {reply['status']}")
        else:
            self.posts_count, self.left_out = self.posts_count + 1, 0

    @staticmethod
    def _retry_after_s(headers: dict[str, str]) -> float:
        told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
        try:
            return min(max(float(told), 0.0), 3_600.0)
        except ValueError:
            return MINUTE_S
