"""A wheel, built from this checkout and installed in an empty folder, runs the same command with the same configs."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

TINY = ["horizon_s=50", "stats.replications=2", "fleet.nodes=2", "fleet.agents_per_node=2", "name=tiny"]


def run(*command: str | Path, folder: Path) -> str:
    """The output of a command; fails with everything it said.

    No path of this checkout is handed down, so that only the wheel's copy can be imported.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that no build folder is left in the checkout, nor an old one taken in."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("sim", "conf", "experiments", "plugins"):
        shutil.copytree(repository / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(repository / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and, by a path file, the libraries of this one.

    A path file is read, but path files inside the folder it names are not: the editable install stays unseen.
    """
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, folder=folder)
    site = next(folder.glob("lib/python3*/site-packages"))
    (site / "libraries_of_the_test_environment.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


def test_only_sim_is_at_the_top_of_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sim"}
    assert not [name for name in names if "/tests/" in name or "__pycache__" in name]


def test_the_wheel_carries_every_config_and_template(wheel: Path, repository: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    expected = set()
    for folder in ("sim", "conf", "experiments", "plugins"):
        prefix = "" if folder == "sim" else "sim/"
        for path in (repository / folder).rglob("*"):
            if path.is_file() and path.suffix not in {".pyc", ".so"}:
                expected.add(prefix + path.relative_to(repository).as_posix())
    assert sorted(expected - carried) == []


def test_the_wheel_ships_its_types_and_names_what_is_cited(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "sim/py.typed" in archive.namelist()
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        about = archive.read(metadata).decode()
    assert "\nClassifier: Typing :: Typed\n" in about
    (version,) = re.findall(r"^Version: (\S+)$", about, re.MULTILINE)
    readme = " ".join((repository / "README.md").read_text(encoding="utf-8").split())
    assert f"wind tunnel for fleets of AI agents, version {version}, Apache-2.0*" in readme


def test_the_installed_command_runs_in_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    where = "import sim, sim.conf, sim.experiments, sim.plugins; print(sim.__file__, *sim.conf.__path__)"
    places = run(environment / "bin" / "python", "-c", where, folder=tmp_path).split()
    assert all(place.startswith(str(environment)) for place in places), places
    run(environment / "bin" / "victor-sim", "run", *TINY, folder=tmp_path)
    with (tmp_path / "results" / "tiny" / "points.csv").open(encoding="utf-8", newline="") as file:
        metrics = {row["metric"] for row in csv.DictReader(file)}
    assert {"sojourn_s_mean", "success_ratio"} <= metrics
    assert sorted(path.name for path in tmp_path.iterdir()) == [".victor-sim", "results"]
