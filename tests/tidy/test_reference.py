"""The API reference: what `make docs` names is there, and its pages hold the docstrings of the public face."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import sim
from sim.errors import ConfigError
from tests.tidy.tracked import REPOSITORY


def listed(name: str) -> str:
    """A value of the Makefile."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (value,) = re.findall(rf"^{name} := (.*)$", text, re.MULTILINE)
    return str(value)


def documented() -> list[str]:
    """What is documented, patterns of what is left out included."""
    return shlex.split(listed("DOCUMENTED"))


def test_what_is_documented_is_there() -> None:
    names = [name for name in documented() if not name.startswith("!")]
    assert len(names) > 10
    assert [name for name in names if find_spec(name) is None] == []


def test_the_reference_is_built_from_the_docstrings(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="pdoc makes the API reference")
    words = ["--output-directory", str(tmp_path), *documented()[:2], "sim.errors"]
    subprocess.run([sys.executable, "-W", "ignore", "-c", listed("FACE"), *words], check=True)
    face = (tmp_path / "sim.html").read_text(encoding="utf-8")
    for name in sim.__all__:
        assert f'id="{name}"' in face, name
    assert str(sim.simulate.__doc__).splitlines()[0] in face
    errors = (tmp_path / "sim" / "errors.html").read_text(encoding="utf-8")
    assert str(ConfigError.__doc__).rstrip(".") in errors
    assert sorted(path.name for path in tmp_path.rglob("*.html")) == ["errors.html", "index.html", "sim.html"]


def test_every_name_of_the_public_face_has_a_docstring() -> None:
    """Of its own, methods included; whatever else is public is held to it by ruff (D101, D103)."""
    missing = []
    for name in sim.__all__:
        found = getattr(sim, name)
        if not (found.__doc__ or "").strip():
            missing.append(name)
        module = importlib.import_module(found.__module__)
        assert (module.__doc__ or "").strip(), module.__name__
        for method, value in vars(found).items() if isinstance(found, type) else ():
            if not method.startswith("_") and callable(value) and not (value.__doc__ or "").strip():
                missing.append(f"{name}.{method}")
    assert missing == []
