"""The commands that README and the page of all figures name, and the console blocks."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGES = (REPOSITORY / "README.md", REPOSITORY / "results" / "README.md")
FIGURES = "## Every figure"  # of results/README.md: above it commands stand for each folder, with places to fill in
FENCED = re.compile(r"```.*?```", re.DOTALL)


def text_of_readme() -> str:
    """Both pages, with the continuation lines of a command joined."""
    front, figures = (path.read_text(encoding="utf-8") for path in PAGES)
    return re.sub(r" \\\n\s*", " ", front + figures[figures.index(FIGURES) :])


def blocks() -> list[str]:
    """What stands in its console blocks."""
    return re.findall(r"```console\n(.*?)```", text_of_readme(), flags=re.DOTALL)


def commands(verb: str = "victor-sim") -> list[str]:
    """Those that begin with `verb`, of code blocks and of the text, each once, in order."""
    lines = [line.split("  #")[0].strip() for block in blocks() for line in block.splitlines()]
    plain = FENCED.sub("", text_of_readme())
    inline = [" ".join(found.split()) for found in re.findall(rf"`({verb} [^`]+)`", plain)]
    return list(dict.fromkeys([line for line in lines if line.startswith(f"{verb} ")] + inline))
