"""The node credential: a secret of 32 bytes that a served control plane and its nodes share.

`serve` makes it once, in `paths.state`, readable by its owner only. A node gets it from the environment
(`VICTOR_SIM_KEY`) or a file (`server.key_file`), never from the command line, which others may read.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from sim.errors import ConfigError, InputError
from sim.live.link.handshake import Entropy

PREFIX = "vsn_"
SECRET_BYTES = 32
VARIABLE = "VICTOR_SIM_KEY"
FILE = "node.key"
COPY = f"server.key_file=FILE, a copy of the {FILE} that victor-sim serve names at its start, or {VARIABLE}"


def node_secret(folder: Path, entropy: Entropy) -> bytes:
    """The secret kept in a folder, made if it is not there. Raises `InputError` for damage or open modes."""
    path = folder / FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret(path)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(told(entropy(SECRET_BYTES)) + "\n")
        file.flush()
        os.fsync(handle)
    return read_secret(path)


def read_secret(path: Path) -> bytes:
    """The secret of a file; raises `InputError`, which never quotes it."""
    if not path.is_file():
        raise InputError(str(path), None, None, "no such file; `victor-sim serve` makes it below paths.state", COPY)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise InputError(
            str(path),
            None,
            None,
            f"mode {mode:o}: it must be readable by its owner only (chmod 600)",
            f"chmod 600 {path}",
        )
    found = parsed(path.read_text(encoding="ascii", errors="replace").strip())
    if found is None:
        raise InputError(str(path), None, None, "no node credential that can be read")
    return found


def credential(key_file: str | None) -> bytes:
    """A node's credential from its file, else from the environment; raises `ConfigError`, `InputError`."""
    if key_file is not None:
        return read_secret(Path(key_file))
    found = parsed(os.environ.get(VARIABLE, ""))
    if found is None:
        known = "absent" if VARIABLE not in os.environ else "no node credential"
        raise ConfigError(VARIABLE, known, f"the content of {FILE}, or server.key_file=FILE")
    return found


def told(secret: bytes) -> str:
    """The secret as text."""
    return PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def parsed(text: str) -> bytes | None:
    """The secret of a text, None where it is none."""
    if not text.startswith(PREFIX):
        return None
    body = text.removeprefix(PREFIX)
    try:
        secret = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) == SECRET_BYTES else None
