"""The plugins that travel with the distribution, and the content hashes that make them trusted.

`trusted.toml` beside them is written by `victor-sim plugins pin`; a test holds it against the folders, so that an
edited plugin is no longer trusted until somebody looked at it and pinned it again.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

PINS = "trusted.toml"


def folder() -> Path:
    """Where the shipped plugins stand."""
    return Path(str(resources.files("sim.plugins")))


def pins() -> dict[str, str]:
    """Id -> content hash; empty when the file is not there."""
    path = folder() / PINS
    return dict(tomllib.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def pins_text(hashes: dict[str, str]) -> str:
    """The file for these hashes."""
    opening = "# Content hashes of the shipped plugins: `victor-sim plugins pin` after a look at what changed.\n"
    return opening + "".join(f'"{name}" = "{digest}"\n' for name, digest in sorted(hashes.items()))
