"""The user's own strategies and laws: Python files named by the top key `extensions`, loaded once a process.

Only files that the config names are loaded; each registers what it offers. Their digests enter the store's key.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from sim.errors import ConfigError, SimError
from sim.registry import load_all


def load_extensions(paths: Iterable[str]) -> None:
    """Import every file (again does nothing); raises `ConfigError` when one is missing or does not import."""
    for text in paths:
        load_all()  # so that a name taken already is told of the user's file
        path = Path(text).resolve()
        name = "victor_sim_extension_" + "".join(letter if letter.isalnum() else "_" for letter in path.as_posix())
        if name in sys.modules:
            continue
        if not path.is_file() or path.suffix != ".py":
            raise ConfigError(
                "extensions",
                text,
                "paths of Python files (*.py) that exist",
                "victor-sim init my-fleet leaves an example",
            )
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except SimError:
            del sys.modules[name]
            raise
        except Exception as error:  # it is the user's code: whatever it raises is told in one line
            del sys.modules[name]
            problem = f"a file that imports ({type(error).__name__}: {error})"
            raise ConfigError("extensions", text, problem) from error
