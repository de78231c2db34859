"""API keys: 256 random bits, shown once; what is kept is a public prefix and a keyed hash (HMAC-SHA256, RFC 2104).

A key reads `vs_<8 hex digits>_<43 base64url signs>`: the digits name its record, the rest is the secret. Who steals the
records has no key, and without the pepper cannot even try guesses. Compared in constant time; a prefix nobody has costs
as much as a known one. Expiry and revocation are instants of the wall clock, seconds since the epoch.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace

from sim.errors import ConfigError
from sim.integration.gateway.kinds import SCOPES, Principal
from sim.integration.gateway.ports import Entropy

SECRET_BYTES = 32
PREFIX_BYTES = 4
KEYS_MAX = 10_000
PURPOSE = b"key:"  # goes before a key into its hash
KEY_TEXT = re.compile(r"vs_([0-9a-f]{8})_[A-Za-z0-9_-]{43}").fullmatch
ID_SIGNS = slice(3, 3 + 2 * PREFIX_BYTES)  # where a key names its record
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}").fullmatch


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is kept of a key; nothing here lets anybody in."""

    key_id: str
    name: str
    digest: bytes
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    principal: Principal = field(init=False, repr=False, compare=False)  # whom it lets in

    def __post_init__(self) -> None:
        object.__setattr__(self, "principal", Principal(self.key_id, self.name, self.scopes))

    def is_live(self, wall_at: float) -> bool:
        """Neither expired nor revoked; one that is both created and asked for in the future is live."""
        return self.revoked_at is None and (self.expires_at is None or wall_at < self.expires_at)


class KeyRing:
    """The records of all keys, in memory; `key_files` keeps them on disk."""

    def __init__(self, pepper: bytes, entropy: Entropy, records: tuple[KeyRecord, ...] = ()) -> None:
        if len(pepper) != SECRET_BYTES:
            raise ConfigError("pepper", f"{len(pepper)} bytes", f"{SECRET_BYTES} bytes")
        self._pepper, self._entropy = pepper, entropy
        block = pepper.ljust(hashlib.sha256().block_size, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(one ^ pad for one in block)) for pad in (0x36, 0x5C))
        self._inner.update(PURPOSE)
        self._records = {record.key_id: record for record in records}
        self._nobody = b"\0" * SECRET_BYTES

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> list[KeyRecord]:
        """All records, oldest first."""
        return list(self._records.values())

    def issue(self, name: str, scopes: tuple[str, ...], wall_at: float, expires_at: float | None = None) -> str:
        """A new key, the only time that it is seen. Raises `ConfigError` (name, scope, expiry, too many)."""
        if NAME(name) is None:
            raise ConfigError("name", name, "letters, digits, dots, dashes, 64 at most")
        if any(record.name == name and record.is_live(wall_at) for record in self._records.values()):
            raise ConfigError(
                "name", name, "a name that no live key has", f"victor-sim keys revoke {name}, or another name"
            )
        for scope in scopes:
            if scope not in SCOPES:
                raise ConfigError("scope", scope, "one of " + ", ".join(SCOPES))
        if not scopes:
            raise ConfigError("scope", "none", "one of " + ", ".join(SCOPES))
        if expires_at is not None and not expires_at > wall_at:
            raise ConfigError("expires_at", expires_at, "an instant to come")
        if len(self._records) >= KEYS_MAX:
            raise ConfigError("keys", len(self._records), f"at most {KEYS_MAX}; remove revoked ones")
        key_id = self._entropy(PREFIX_BYTES).hex()
        while key_id in self._records:
            key_id = self._entropy(PREFIX_BYTES).hex()
        secret = base64.urlsafe_b64encode(self._entropy(SECRET_BYTES)).rstrip(b"=").decode()
        key = f"vs_{key_id}_{secret}"
        assert KEY_TEXT(key) is not None
        self._records[key_id] = KeyRecord(key_id, name, self._digest(key), scopes, wall_at, expires_at)
        return key

    def revoke(self, key_id: str, wall_at: float) -> KeyRecord:
        """From now on the key and its tokens are refused; again changes nothing. Raises `ConfigError` (unknown)."""
        record = self.find(key_id)
        if record.revoked_at is None:
            record = self._records[record.key_id] = replace(record, revoked_at=wall_at)
        return record

    def find(self, name: str) -> KeyRecord:
        """The record of that id, or the newest of that name; raises `ConfigError`."""
        if name in self._records:
            return self._records[name]
        named = [record for record in self._records.values() if record.name == name]
        if not named:
            raise ConfigError(
                "key", name, "the name or id of a key that was created", "victor-sim keys list shows them"
            )
        return named[-1]

    def verify(self, key: str, wall_at: float) -> Principal | None:
        """Whose key it is, None for what lets nobody in; takes the same time whatever is wrong with it."""
        record = self._records.get(key[ID_SIGNS])  # the digest is of the whole text: no other shape has it
        expected = self._nobody if record is None else record.digest
        same = hmac.compare_digest(self._digest(key), expected)
        if record is None or not same or not record.is_live(wall_at):
            return None
        return record.principal

    def live(self, key_id: str, wall_at: float) -> KeyRecord | None:
        """The record of a key that is neither expired nor revoked."""
        record = self._records.get(key_id)
        return record if record is not None and record.is_live(wall_at) else None

    def derive(self, purpose: str) -> bytes:
        """A secret of the ring for another purpose."""
        return hmac.digest(self._pepper, b"derive:" + purpose.encode(), "sha256")

    def _digest(self, key: str) -> bytes:
        """HMAC-SHA256 of a key, from the two hashes of the pepper that are there already: a third of the time."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(key.encode("utf-8", "replace"))
        outer.update(inner.digest())
        return outer.digest()
