"""The key ring on disk: `keys.json` and `pepper` in a folder of their own, both readable by their owner only.

Records are written to a new file, synced, and take the name in one step; a folder or file that others may read is
refused rather than used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from sim.errors import InputError
from sim.integration.gateway.keys import SECRET_BYTES, KeyRecord, KeyRing
from sim.integration.gateway.ports import Entropy

RECORDS, PEPPER = "keys.json", "pepper"
OWNER_ONLY = 0o600


def open_ring(folder: Path, entropy: Entropy) -> KeyRing:
    """The ring kept in `folder`, which is made if it is not there; every change is on disk when it returns.

    Raises `InputError` for files that are damaged or that others may read.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pepper = _pepper(folder / PEPPER, entropy)
    return KeyRing(pepper, entropy, load_records(folder / RECORDS), _keeper(folder / RECORDS))


def load_records(path: Path) -> tuple[KeyRecord, ...]:
    """Records of a file, none where there is no file; raises `InputError`."""
    if not path.exists():
        return ()
    _check_mode(path)
    try:
        return tuple(_record(one) for one in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(str(path), None, None, "no key records that can be read") from error


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
        raise InputError(str(path), None, None, f"mode {mode:o}: it must be readable by its owner only (chmod 600)")


def _keeper(path: Path) -> Callable[[KeyRing], None]:
    def keep(ring: KeyRing) -> None:
        told = [
            {
                "key_id": one.key_id,
                "name": one.name,
                "digest": one.digest.hex(),
                "scopes": list(one.scopes),
                "created_at": one.created_at,
                "expires_at": one.expires_at,
                "revoked_at": one.revoked_at,
            }
            for one in ring.records()
        ]
        _write(path, json.dumps(told, indent=1).encode())

    return keep


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
