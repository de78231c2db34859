"""The key ring on disk: `keys.json` and `pepper` in a folder of their own, both readable by their owner only.

Records are written to a new file, synced, and take the name in one step; a folder or file that others may read is
refused rather than used.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import InputError
from sim.integration.gateway.keys import SECRET_BYTES, KeyRecord, KeyRing
from sim.integration.gateway.kinds import Principal
from sim.integration.gateway.ports import Entropy

RECORDS, PEPPER, LOCK = "keys.json", "pepper", "lock"
OWNER_ONLY = 0o600
REFRESH_S = 1.0  # after which a change made by another process is known


def open_ring(folder: Path, entropy: Entropy) -> FileRing:
    """The ring kept in `folder`, which is made if it is not there. Raises `InputError` for damage, or open modes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        return FileRing(folder, _pepper(folder / PEPPER, entropy), entropy)


class FileRing(KeyRing):
    """A ring on disk that several processes may change: a change made elsewhere is known `REFRESH_S` later.

    Raises `InputError` when the records were damaged or opened to others.
    """

    def __init__(self, folder: Path, pepper: bytes, entropy: Entropy) -> None:
        self.folder = folder
        self._stamp: tuple[int, int, int] | None = None
        self._read_at = float("-inf")
        super().__init__(pepper, entropy)
        self._read()

    def issue(self, name: str, scopes: tuple[str, ...], wall_at: float, expires_at: float | None = None) -> str:
        """As `KeyRing`; on disk when it returns."""
        with self._changing():
            return super().issue(name, scopes, wall_at, expires_at)

    def revoke(self, key_id: str, wall_at: float) -> KeyRecord:
        """As `KeyRing`; on disk when it returns."""
        with self._changing():
            return super().revoke(key_id, wall_at)

    def verify(self, key: str, wall_at: float) -> Principal | None:
        """As `KeyRing`."""
        self._refresh(wall_at)
        return super().verify(key, wall_at)

    def live(self, key_id: str, wall_at: float) -> KeyRecord | None:
        """As `KeyRing`."""
        self._refresh(wall_at)
        return super().live(key_id, wall_at)

    def _refresh(self, wall_at: float) -> None:
        """A clock that was set back counts as time that passed."""
        if not 0.0 <= wall_at - self._read_at < REFRESH_S:
            self._read_at = wall_at
            self._read()

    def _read(self) -> None:
        path = self.folder / RECORDS
        stamp = _stamp(path)
        if stamp != self._stamp:
            self._records = {record.key_id: record for record in load_records(path)}
            self._stamp = stamp

    @contextmanager
    def _changing(self) -> Iterator[None]:
        path = self.folder / RECORDS
        with _locked(self.folder):
            self._read()
            yield
            _write(path, json.dumps([_told(one) for one in self.records()], indent=1).encode())
            self._stamp = _stamp(path)


def load_records(path: Path) -> tuple[KeyRecord, ...]:
    """Records of a file, none where there is no file; raises `InputError`."""
    if not path.exists():
        return ()
    _check_mode(path)
    try:
        return tuple(_record(one) for one in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(str(path), None, None, "no key records that can be read") from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _pepper(path: Path, entropy: Entropy) -> bytes:
    if not path.exists():
        _write(path, entropy(SECRET_BYTES))
    _check_mode(path)
    pepper = path.read_bytes()
    if len(pepper) != SECRET_BYTES:
        raise InputError(str(path), None, None, f"{len(pepper)} bytes where {SECRET_BYTES} are needed")
    return pepper


def _check_mode(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise InputError(
            str(path),
            None,
            None,
            f"mode {mode:o}: it must be readable by its owner only (chmod 600)",
            f"chmod 600 {path}",
        )


def _told(record: KeyRecord) -> dict[str, object]:
    return {
        "key_id": record.key_id,
        "name": record.name,
        "digest": record.digest.hex(),
        "scopes": list(record.scopes),
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
    }


def _record(told: dict[str, object]) -> KeyRecord:
    return KeyRecord(
        key_id=str(told["key_id"]),
        name=str(told["name"]),
        digest=bytes.fromhex(str(told["digest"])),
        scopes=tuple(str(one) for one in told["scopes"]),  # type: ignore[attr-defined]
        created_at=float(told["created_at"]),  # type: ignore[arg-type]
        expires_at=_instant(told["expires_at"]),
        revoked_at=_instant(told["revoked_at"]),
    )


def _instant(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    try:
        os.fchmod(handle, OWNER_ONLY)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(path)
