"""What is believed, on disk, without pickle: a manifest that a keyed signature covers, and a refit from the samples.

A snapshot holds no code and no fitted object: schema, a version that only rises, the digest of the samples, settings
that stand, the calibration's pairs and the seed. Surrogates are functions of (samples, settings, seed), so that a
refit is the same to the last bit and nothing unknown can be loaded. Signed by HMAC-SHA-256 (RFC 2104) over the
canonical JSON; what is unsigned, changed, of another schema, or older than what was seen is refused
(`SnapshotError`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

from sim.errors import SimError

SCHEMA = 1
BYTES_MAX = 16_777_216
KEY_BYTES_MIN = 16


class SnapshotError(SimError):
    """A snapshot that must not be used; what ran before goes on."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


def save(path: Path, body: dict[str, Any], version: int, data_digest: str, key: bytes) -> None:
    """Write a snapshot in place of the last, synced; raises ValueError for a key that is too short."""
    manifest = {"schema": SCHEMA, "version": version, "data": data_digest, "body": body}
    text = _canonical({"manifest": manifest, "signature": _sign(manifest, key)})
    fresh = path.with_name(path.name + ".new")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        data = text.encode()
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    finally:
        os.close(file)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path, key: bytes, version_min: int, data_digest: str | None = None) -> tuple[int, dict[str, Any]]:
    """Version and body; raises `SnapshotError` for anything that is not exactly what was signed, or goes back."""
    try:
        with open(path, "rb") as file:
            data = file.read(BYTES_MAX + 1)
        if len(data) > BYTES_MAX:
            raise SnapshotError(str(path), f"larger than {BYTES_MAX} bytes")
        whole = json.loads(data)
        manifest, signature = whole["manifest"], whole["signature"]
        version, schema, digest, body = (manifest[name] for name in ("version", "schema", "data", "body"))
        canonical, told = _canonical(manifest), str(signature).encode()  # NaN and half a surrogate pair are refused
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError(str(path), f"cannot be read ({type(error).__name__})") from None
    if not hmac.compare_digest(told, _signature(canonical, key).encode()):
        raise SnapshotError(str(path), "the signature does not match")
    if schema != SCHEMA or not isinstance(version, int) or not isinstance(body, dict):
        raise SnapshotError(str(path), f"schema {schema}, not {SCHEMA}")
    if version < version_min:
        raise SnapshotError(str(path), f"version {version} is older than {version_min}, which was seen")
    if data_digest is not None and digest != data_digest:
        raise SnapshotError(str(path), "made from other samples than those in the store")
    return version, body


def _canonical(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _sign(manifest: Any, key: bytes) -> str:
    return _signature(_canonical(manifest), key)


def _signature(canonical: str, key: bytes) -> str:
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"a key of {len(key)} bytes: accepted is at least {KEY_BYTES_MIN}")
    return hmac.new(key, canonical.encode(), hashlib.sha256).hexdigest()
