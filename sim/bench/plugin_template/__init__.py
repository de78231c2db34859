"""What `victor-sim plugins new DIR` leaves: a plugin to start from, and what `check` and `list` print.

The folder's name becomes the id; manifest and code are ready to load, and `check` accepts them as they stand.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from sim.errors import ConfigError
from sim.integration.plugins.manifest import ID

FILES = {"manifest.toml": "manifest.toml", "plugin.py.txt": "plugin.py", "README.md": "README.md"}


def write_template(folder: Path) -> list[Path]:
    """Write the files into `folder`, whose name is KIND.NAME; gives them. Raises `ConfigError`."""
    plugin_id = folder.resolve().name
    if not ID.fullmatch(plugin_id):
        raise ConfigError("DIR", folder, "a folder named KIND.NAME, such as plugins/custom.my_plugin (a-z, 0-9, _)")
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError("DIR", folder, "a folder that is empty or not there yet")
    folder.mkdir(parents=True, exist_ok=True)
    source = resources.files("sim.bench.plugin_template") / "files"
    written = []
    for name, target in FILES.items():
        text = source.joinpath(name).read_text(encoding="utf-8")
        path = folder / target
        path.write_text(re.sub(r"custom\.template", plugin_id, text), encoding="utf-8")
        written.append(path)
    return written
