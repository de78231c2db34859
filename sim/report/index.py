"""One page over all results: what was asked, what was found, whether it holds, and where the report lies.

A study is a folder with `manifest.json`, any other folder with a `README.md` is told by that file's heading and first
sentence. The table in the root's own `README.md` (link, question, command) gives the commands of those, and rows for
single files that it names. Links are relative, so that the page works wherever the folder is carried; it asks the
network for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from sim.errors import InputError
from sim.report import palette
from sim.report.files import write_text

PAGES = ("report.html", "report.md", "README.md")  # what a folder is read by, the best first
ENTRIES_MAX = 1000
RUN_ONE = "victor-sim run experiment=balancers"


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder of results; `found` are the verdicts, `command` makes it again, both may be empty."""

    name: str
    link: str
    asked: str
    found: tuple[str, ...]
    validity: str
    command: str


def write_index(root: Path) -> Path:
    """Write `index.html` into `root`; raises `InputError` where nothing below it has a report."""
    found = entries(root)
    if not found:
        raise InputError(str(root), None, None, "no folder below has a report; `victor-sim run` makes one", RUN_ONE)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    asset = files("sim.report")
    page = environment.from_string(asset.joinpath("index.html.jinja").read_text(encoding="utf-8")).render(
        entries=found,
        light=palette.variables(dark=False),
        dark=palette.variables(dark=True),
        style=Markup(asset.joinpath("style.css").read_text(encoding="utf-8")),
        script=Markup(asset.joinpath("page.js").read_text(encoding="utf-8")),
    )
    write_text(root / "index.html", page)
    return root / "index.html"


def entries(root: Path) -> list[Entry]:
    """Studies first, then the rest, each by the name of its folder; at most `ENTRIES_MAX`."""
    told = _told(root)
    folders = sorted({path.parent for name in PAGES for path in root.glob(f"**/{name}")} - {root})
    found = [entry for folder in folders[:ENTRIES_MAX] for entry in _entry(root, folder)]
    found = [entry if entry.command else replace(entry, command=told.get(entry.link, ("", ""))[1]) for entry in found]
    names = {folder.relative_to(root).as_posix() for folder in folders}
    for link, (asked, command) in told.items():
        alone = not link.endswith(PAGES) or link.rpartition("/")[0] not in names
        if alone and (root / link).is_file() and len(found) < ENTRIES_MAX:
            found.append(Entry(link, link, asked, (), "", command))
    return sorted(found, key=lambda entry: (not entry.validity, entry.name))


def _told(root: Path) -> dict[str, tuple[str, str]]:
    """Link -> question and command, from the rows of the root's README; empty where there is none."""
    path = root / "README.md"
    if not path.is_file():
        return {}
    found: dict[str, tuple[str, str]] = {}
    for line in _text(path).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        links = re.findall(r"\]\(([^):]+)\)", cells[0])
        if len(cells) == 3 and links:
            found |= dict.fromkeys(links, (cells[1], cells[2].replace("`", "")))
    return found


def _entry(root: Path, folder: Path) -> Iterator[Entry]:
    name = folder.relative_to(root).as_posix()
    link = next(f"{name}/{page}" for page in PAGES if (folder / page).is_file())
    path = folder / "manifest.json"
    if not path.is_file():
        asked, said = _readme(folder / "README.md")
        yield Entry(name, link, asked or name, (said,) if said else (), "", "")
        return
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        verdicts = tuple(str(text) for text in tree.get("verdicts", []))
        asked, validity, command = str(tree.get("question") or name), str(tree["validity"]), str(tree["command"])
        "".join((asked, *verdicts, validity, command)).encode()  # half a pair of surrogates has no place in a page
        yield Entry(name, link, asked, verdicts, validity, command)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(str(path), None, None, f"no manifest as `victor-sim run` writes it ({error})") from error


def _readme(path: Path) -> tuple[str, str]:
    """Heading and first paragraph as plain text, empty where there are none."""
    if not path.is_file():
        return "", ""
    blocks = [" ".join(block.split()) for block in _text(path).split("\n\n")]
    heading = next((block.lstrip("# ") for block in blocks if block.startswith("#")), "")
    said = next((block for block in blocks if block and block[0] not in "#|`!<-"), "")
    return heading, re.sub(r"\[([^\]]+)\]\([^)]*\)|[`*]", lambda found: found[1] or "", said)


def _text(path: Path) -> str:
    """What a person wrote; bytes that are not UTF-8 show as such, one old file must not cost the whole page."""
    return path.read_text(encoding="utf-8", errors="replace")
