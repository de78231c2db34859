"""Continuous batching of a token-generating node: remaining work speeds up or slows down at every join and leave.

An attempt takes one of `agents` batch places, is prefilled, gives its first token, then decodes the rest. Prefill is
bound by compute: the prefilling attempts share it equally, each at speed / prefilling of `prefill_s(prompt)`. Decode
is bound by memory: all decoding attempts make tokens in step, `token_s(batch, context)` seconds each, where the
context is the integer total of tokens held by the batch, refreshed only when one joins or leaves
(`engine_rules`: integrals). Prefill and decode do not slow one another (chunked prefill, Agrawal et al. 2024, with
its interference left out). Each of the two is a virtual clock with a heap of tags, as in `sharing`.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from sim.contracts import TokenLaw
from sim.runtime.order import FINISH
from sim.world.pool import Pool

Tags = list[tuple[float, int, int]]


class BatchingPool(Pool):
    """A batch of at most `agents` attempts before one queue; `law` gives the hardware's speeds."""

    __slots__ = ("armed", "context", "decode_rate", "decode_tags", "decoded", "law", "prefill_tags", "prefilled_s",
                 "start_marks")  # fmt: skip

    def __init__(self, law: TokenLaw, *args: Any) -> None:
        super().__init__(*args)
        self.law = law
        self.prefill_tags: Tags = []
        self.decode_tags: Tags = []
        self.prefilled_s = 0.0  # prefill seconds one attempt present since 0 would have received
        self.decoded = 0.0  # tokens one attempt decoding since 0 would have made
        self.decode_rate = 0.0  # tokens/s of each decoding attempt, constant between joins and leaves
        self.context = 0  # prompt tokens of the decoding attempts
        self.start_marks = 0.0  # sum over the decoding attempts of `decoded` when they joined
        self.armed = 0

    def _integrate(self, now: float) -> None:
        elapsed = now - self.last_at
        super()._integrate(now)
        if self.prefill_tags:
            self.prefilled_s += self.speed / len(self.prefill_tags) * elapsed
        if self.decode_tags:
            self.decoded += self.decode_rate * elapsed

    def _start(self, row: int, now: float) -> None:
        columns = self.columns
        columns.started_at[row] = now
        self.in_service += 1
        tag = self.prefilled_s + self.law.prefill_s(columns.prompt_tokens[row])
        heappush(self.prefill_tags, (tag, columns.key_of(row), row))
        self._arm(now)

    def _arm(self, now: float) -> None:
        """Schedule the next end of a prefill or of a decode, whichever comes first; an earlier one becomes void."""
        self.armed += 1
        first: tuple[float, int] | None = None
        if self.prefill_tags:
            tag, key, _ = self.prefill_tags[0]
            left_s = (tag - self.prefilled_s) * len(self.prefill_tags) / self.speed
            first = (now + max(left_s, 0.0), key)
        if self.decode_tags:
            tag, key, _ = self.decode_tags[0]
            at = now + max((tag - self.decoded) / self.decode_rate, 0.0)
            if first is None or (at, key) < first:
                self.env.call_at(at, FINISH, key, self._end_decode, self.armed)
                return
        if first is not None:
            self.env.call_at(first[0], FINISH, first[1], self._end_prefill, self.armed)

    def _end_prefill(self, serial: int) -> None:
        if serial != self.armed:
            return
        now = self.env.now
        self._integrate(now)
        tag, key, row = heappop(self.prefill_tags)
        self.prefilled_s = tag if self.prefill_tags else 0.0
        columns = self.columns
        columns.first_token_at[row] = now
        tokens_left = columns.output_tokens[row] - 1  # the prefill gave the first one
        if tokens_left:
            heappush(self.decode_tags, (self.decoded + tokens_left, key, row))
            self.context += columns.prompt_tokens[row]
            self.start_marks += self.decoded
            self._refresh_decode_rate()
        else:
            self._leave(row, now)
        self._arm(now)

    def _end_decode(self, serial: int) -> None:
        if serial != self.armed:
            return
        now = self.env.now
        self._integrate(now)
        tag, _, row = heappop(self.decode_tags)
        columns = self.columns
        self.context -= columns.prompt_tokens[row]
        self.start_marks -= tag - (columns.output_tokens[row] - 1)
        self.decoded = tag
        if not self.decode_tags:
            self.decoded = self.start_marks = 0.0
        self._refresh_decode_rate()
        self._leave(row, now)
        self._arm(now)

    def _refresh_decode_rate(self) -> None:
        batch = len(self.decode_tags)
        if batch:
            context = self.context + int(batch * self.decoded - self.start_marks)
            self.decode_rate = self.speed / self.law.token_s(batch, context)

    def _unfinished_work_s(self, now: float, rows: list[int]) -> float:
        return 0.0  # demands are tokens, not seconds
