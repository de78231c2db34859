"""What `victor-sim keys` does: issue, list, revoke, and make tokens, over the key ring in `paths.state`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from sim.bench.gated import gateway_settings
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.integration.gateway.key_files import open_ring
from sim.integration.gateway.tokens import Tokens
from sim.live.entropy import system_entropy

KEYS = "keys"  # below the state's folder
DAY_S = 86_400.0
DAYS_MAX = 36_500.0


class KeyDesk:
    """The ring of a configuration; secrets are given once, as the second of a pair, and never kept."""

    def __init__(self, config: Config) -> None:
        self.ring = open_ring(Path(config.paths.state) / KEYS, system_entropy)
        self.tokens = Tokens(self.ring, gateway_settings(config))

    def create(self, name: str, scope: str, days: str | None) -> tuple[str, str]:
        """What is told of a new key, and the key; raises `ConfigError`."""
        now = wall_at()
        expires_at = None if days is None else now + DAY_S * _days(days)
        key = self.ring.issue(name, (scope,), now, expires_at)
        until = "until it is revoked" if expires_at is None else f"until {_date(expires_at)}"
        return f"{name}: scope {scope}, {until}; shown this once:", key

    def token(self, name: str) -> tuple[str, str]:
        """What is told of a new token of a live key, and the token; raises `ConfigError`."""
        now = wall_at()
        record = self.ring.find(name)
        token = self.tokens.make(record, now)
        return f"{record.name}: scope {', '.join(record.scopes)}, for {self.tokens.token_s:g} s:", token

    def revoke(self, name: str) -> str:
        """What is told of a key that lets nobody in from now on; raises `ConfigError`."""
        record = self.ring.revoke(name, wall_at())
        return f"{record.name} ({record.key_id}): revoked"

    def lines(self) -> list[str]:
        """A table of all keys, without a secret."""
        now = wall_at()
        rows = [("id", "name", "scope", "created", "state")]
        for record in self.ring.records():
            state = "live" if record.is_live(now) else "expired" if record.revoked_at is None else "revoked"
            if state == "live" and record.expires_at is not None:
                state = f"until {_date(record.expires_at)}"
            rows.append((record.key_id, record.name, ",".join(record.scopes), _date(record.created_at), state))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        return [line.rstrip() for line in padded]


def wall_at() -> float:
    """Seconds since the epoch: a command has no runtime."""
    return time.time()  # noqa: TID251 # the live edge


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0.0 < days <= DAYS_MAX:
        raise ConfigError("--days", text, f"a number above 0, at most {DAYS_MAX:g}")
    return days


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
