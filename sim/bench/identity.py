"""What makes a stored result reusable: the config that moves the simulation, the code, and the input files' content.

The key of a design point is sha256 over canonical JSON of its config without what only names, places, measures or
reports it. The code identity is a hash of the `sim` sources and the numeric libraries' versions, so that an edited
README empties nothing. Traces, extensions and enabled plugins enter by their bytes, not by their path.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np

import sim
from sim.bench.brought import bringing
from sim.bench.engine_choice import wants_compiled
from sim.bench.schema import Config
from sim.bench.streamed import is_streamed, stream_key

LIBRARIES = ("numpy", "scipy", "simpy")
NOT_SIMULATED = (
    "name", "command", "experiment", "baseline", "objective", "slo", "capacity", "price_per_node_hour", "paths",
    "launcher", "study", "stats", "warmup", "extensions", "server", "node",
)  # fmt: skip
BESIDE = ("conf", "experiments", "plugins")  # inside `sim` once installed: no part of what simulates
KEY_VERSION = 2
DIGEST_BYTES = 16


def as_dict(config: Config) -> dict[str, Any]:
    """The resolved config as plain data."""
    return dataclasses.asdict(config)


def file_digest(path: Path) -> str:
    """blake2b of a file's bytes."""
    return hashlib.blake2b(path.read_bytes(), digest_size=DIGEST_BYTES).hexdigest()


def input_files(config: Config) -> dict[str, str]:
    """Key -> path of every file that a point reads."""
    named = {"arrivals.path": config.arrivals.path, "service.path": config.service.path}
    named |= {f"extensions[{number}]": path for number, path in enumerate(config.extensions)}
    named |= plugin_files(config)
    return {key: path for key, path in named.items() if path is not None and Path(path).is_file()}


def plugin_files(config: Config) -> dict[str, str]:
    """Key -> path of every file of the enabled plugins, wherever they stand; shipped ones are no part of the code."""
    group = config.plugins
    if not group.enabled:
        return {}
    roots = [str(resources.files("sim.plugins")), *group.folders]
    named: dict[str, str] = {}
    for plugin_id in sorted(group.enabled):
        for root in roots:
            folder = Path(root) / plugin_id
            files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
            named |= {f"plugins.{plugin_id}/{path.relative_to(folder).as_posix()}": str(path) for path in files}
    return named


@cache
def code_identity(parts: tuple[str, ...] = ()) -> str:
    """Hash of every Python source of the simulator and of the numeric libraries' versions, 16 hex digits.

    `parts` (folders or files inside `sim`) narrows it to what an answer rests on.
    """
    state = hashlib.sha256()
    root = Path(sim.__file__).parent
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        wanted = not parts or any(inside.is_relative_to(part) for part in parts)
        if wanted and inside.parts[0] not in BESIDE:
            state.update(inside.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for library in LIBRARIES:
        state.update(f"{library}={metadata.version(library)}\n".encode())
    return state.hexdigest()[:16]


def point_key(config: Config) -> str:
    """The store's key of a design point, 64 hex digits."""
    tree = as_dict(config)
    for name in NOT_SIMULATED:
        del tree[name]
    tree["arrivals"]["path"] = tree["service"]["path"] = None  # their content counts, below
    tree["inputs"] = {key: file_digest(Path(path)) for key, path in input_files(config).items()}
    with bringing(config):
        if is_streamed(config):
            tree["stream"] = stream_key(config)
        tree["engine"] = engine_of(config)
    tree["code"] = code_identity()
    tree["version"] = KEY_VERSION
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def engine_of(config: Config) -> str:
    """The engine that `auto` means."""
    return "compiled" if wants_compiled(config) else "simpy"


def versions() -> dict[str, str]:
    """Of the code and of what its numbers rest on: libraries, interpreter, C library, vector units."""
    found = {"victor-sim": metadata.version("victor-sim"), "code": code_identity()}
    found["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    found |= {library: metadata.version(library) for library in (*LIBRARIES, "hydra-core", "matplotlib")}
    found["libm"] = " ".join(platform.libc_ver()) or "unknown"
    found["machine"] = f"{platform.system()} {platform.machine()}"
    found["cpu_features"] = " ".join(cpu_features())
    return found


def cpu_features() -> list[str]:
    """Vector instruction sets that numpy found on this processor."""
    shown: Any = np.show_config(mode="dicts")
    units = shown.get("SIMD Extensions", {})
    return [*units.get("baseline", []), *units.get("found", [])]
