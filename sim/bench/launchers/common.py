"""What launchers on other machines share: a call in the folder it was asked from, and words for a missing package."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from sim.errors import ConfigError

Spread = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]], int], Generator[tuple[int, Any], None, None]]


def call_in(folder: Path, function: Callable[..., Any], call: tuple[Any, ...]) -> Any:
    """On the other machine: the call, in the folder that both share; raises `ConfigError` where it is not there."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise ConfigError("launcher.kind", folder, "a working folder that all machines share") from error
    return function(*call)


def package(kind: str, name: str, key: str = "launcher.kind") -> Any:
    """The package behind a choice of `key`; raises `ConfigError` naming the extra when it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        install = f"pip install 'victor-sim[{kind}]'"
        accepted = f"local, or the extra of that name installed: {install}"
        raise ConfigError(key, kind, accepted, f"{install}, or {key.removesuffix('.kind')}=local") from None
