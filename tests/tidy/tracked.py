"""The files the house rules speak of: what git tracks or would track, or the tree itself outside a checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("sim", "conf", "experiments", "plugins")  # what a wheel carries
SKIPPED_FOLDERS = {"build", "data", "results", "__pycache__"}


@cache
def tracked_files() -> tuple[Path, ...]:
    """All files of the project as paths relative to its top, sorted."""
    if (REPOSITORY / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        paths = {Path(name) for name in listed.split("\0") if name}
    else:
        paths = {path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if not _is_skipped(path)}
    return tuple(sorted(path for path in paths if (REPOSITORY / path).is_file()))


def _is_skipped(path: Path) -> bool:
    parts = path.relative_to(REPOSITORY).parts
    hidden = any(part.startswith(".") and part not in {".ci", ".gitignore"} for part in parts)
    return hidden or any(part in SKIPPED_FOLDERS or part.endswith(".egg-info") for part in parts)


def python_files(*folders: str) -> list[Path]:
    """Python files below the given top folders."""
    return [path for path in tracked_files() if path.suffix == ".py" and path.parts[0] in folders]


def text_of(path: Path) -> str | None:
    """The text of a file; None when it is not text."""
    try:
        return (REPOSITORY / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
