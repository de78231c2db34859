"""The command line: verbs, help, exit codes, one line an error and what to do next; the way once in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.bench import assemble
from sim.bench.threads import ONE_EACH
from sim.errors import InvalidRun
from sim.experiments.main import VERBS
from sim.registry import names

TINY = ["horizon_s=60", "fleet.nodes=2", "fleet.agents_per_node=2", "stats.replications=2", "launcher.workers=1"]
Said = Callable[..., tuple[int, str, str]]


def test_help_names_every_verb(said: Said) -> None:
    for words in ((), ("--help",), ("-h",), ("help",)):
        code, out, _ = said(*words)
        assert code == 0
        assert [verb for verb in VERBS if f"\n  {verb} " not in out] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, said: Said) -> None:
    code, out, err = said(verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"victor-sim {verb}")


def test_help_of_run_lists_keys_and_groups(said: Said) -> None:
    _, out, _ = said("run", "--help")
    assert "  fleet.nodes=10\n" in out
    assert all(name in out for name in names("balancer"))


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["init", "--help"], ["nope"]])
def test_help_needs_no_heavy_library(words: list[str]) -> None:
    """Quick because of what it does not import; a stopwatch would measure the machine."""
    code = (
        "import sys; from sim.experiments.main import main; code = main(sys.argv[1:]); "
        "print(sorted({'numpy', 'scipy', 'hydra', 'omegaconf', 'matplotlib', 'simpy', 'joblib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_sweep_begins_without_what_it_does_not_use() -> None:
    """`scipy.stats` alone took a third of what a sweep imports; tests and other verbs may have it."""
    code = (
        "import sys, sim.bench.dry_run, sim.bench.plan, sim.bench.study; "
        "print(sorted({'scipy.stats', 'scipy.optimize', 'scipy.signal', 'sklearn', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]"]


@pytest.mark.parametrize(("asked", "wanted"), [({}, "1"), (dict.fromkeys(ONE_EACH, "2"), "2")])
def test_a_verb_has_one_thread_of_the_matrix_library_unless_more_are_asked_for(
    asked: dict[str, str], wanted: str
) -> None:
    """More give nothing at forty rows, and those of processes side by side wait for each other spinning."""
    code = (
        "import os, sys; from sim.experiments.main import main; main(['doctor', '--help']); "
        "import numpy, scipy.linalg, threadpoolctl; "
        "most = max(each['num_threads'] for each in threadpoolctl.threadpool_info()); "
        "print(most, *map(os.environ.get, sys.argv[1:]))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ONE_EACH} | asked
    command = [sys.executable, "-c", code, *ONE_EACH]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    threads, *told = done.stdout.splitlines()[-1].split()
    assert told == [wanted] * len(ONE_EACH)
    assert int(threads) <= int(wanted)


REFUSED = [
    (["fly"], f"verb=fly: accepted is one of {', '.join(VERBS)}"),
    (["run", "--fast"], "flag=--fast: accepted is --multirun --dry-run --missing --replace --config-dir --help"),
    (["run", "--config-dir"], "--config-dir=: accepted is a value after it"),
    (["run", "balancers"], "words=balancers: accepted is key=value only"),
    (["run", "fleet.nodez=1"], ("fleet.nodez=1: accepted is a known key, near it: fleet.nodes, fleet.zones, "
     "fleet.agents_per_node")),
    (["run", "fleet.nodes=-1"], "fleet.nodes=-1: accepted is a whole number from 1 to 1,000,000"),
    (["run", "balancer=a,b"], "balancer=a,b: accepted is one value, or with --multirun a sweep (a list is [a,b])"),
    (["run", "~balancer"], "override=~balancer: accepted is key=value of a known key"),
    (["run", "study.figures=[pie]"], None),
    (["run", "arrivals=trace", "arrivals.path=no.csv"], "no.csv: no such file"),
    (["run", "config=no.yaml"], "no.yaml: no such file; config=FILE takes a saved one such as best.yaml"),
    (["run", "--config-dir", "none"], "--config-dir=none: accepted is a folder that holds config groups"),
    (["init"], "words=none: accepted is DIR"),
    (["inspect", "no.csv"], "no.csv: no such file"),
    (["inspect"], "words=none: accepted is FILE"),
    (["report", "no"], "results/no/manifest.json: no such file; accepted is the name of a folder of results"),
    (["report", "no", "--against", "other"], "results/no/points.csv: no such file; a results folder holds points.csv"),
    (["replay"], "replay=: accepted is run or page NAME POINT REPLICATION, or storm SEED"),
    (["replay", "run", "no"], "words=run no: accepted is run NAME REPLICATION"),
    (["replay", "run", "no", "a=1", "x"], "REPLICATION=x: accepted is a whole number, at least 0"),
    (["bench", "rounds=0"], "rounds=0: accepted is a whole number, at least 1"),
    (["bench", "horizon_s=3"], "horizon_s=3: accepted is one of requests=N, seed=N, rounds=N, nodes_max=N"),
    (["bench", "bench.peers.no=python"], "bench.peers.no=python: accepted is a peer: cimba, ciw, happysim, salabim"),
    (["bench", "--timings", "none.json"], "none.json: no such file"),
    (["validate", "--coverage", "macro=0"], "macro=0: accepted is a whole number, at least 1"),
    (["validate", "seed=one"], "seed=one: accepted is a whole number, at least 0"),
    (["doctor", "fleet.nodes=0"], "fleet.nodes=0: accepted is a whole number from 1 to 1,000,000"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "line"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_is_refused_is_one_line_a_next_step_and_exit_2(words: list[str], line: str | None, said: Said) -> None:
    code, out, err = said(*words)
    assert (code, out) == (2, "")
    first, *rest = err.splitlines(keepends=True)
    assert [text.startswith("next: ") for text in rest] in ([], [True])
    if line is None:
        assert first.startswith("victor-sim: study.figures=pie: accepted is one of bars, ")
    else:
        assert first == f"victor-sim: {line}\n"


def test_a_sweep_runs_resumes_reports_and_replays(said: Said) -> None:
    words = ["--multirun", "balancer=random,power_of_d", *TINY, "name=tiny", "objective=sojourn_s_mean"]
    code, out, err = said("run", *words)
    assert code == 0, err
    lines = out.splitlines()
    assert "has the lowest sojourn_s_mean" in lines[0]
    assert lines[-1] == "report: results/tiny/report.html"
    assert "tiny: 4/4, took " in err
    assert sorted(path.name for path in Path.cwd().iterdir()) == [".victor-sim", "results"]
    page = Path("results/tiny/report.html").read_bytes()
    code, again, err = said("run", *words)
    assert (code, again, "4/4" in err) == (0, out, False), "nothing is run again"
    assert said("run", *words, "--dry-run")[1].splitlines()[-1] == "to run: nothing, everything is stored"
    assert said("run", "-m", *words[1:], "--missing")[:2] == (0, "tiny: nothing is missing, every point is stored\n")
    Path("results/tiny/report.html").unlink()
    told = "tiny: measuring and comparing 2 points\ntiny: drawing the report\n"
    assert said("report", "tiny") == (0, out, told)
    assert Path("results/tiny/report.html").read_bytes() == page
    assert said("report", *words) == (0, out, told), "the same study, named by its overrides"
    assert said("report", *words, "--against", "results/tiny")[0] == 0
    assert "lowest sojourn_s_p50" in said("report", "tiny", "objective=sojourn_s_p50")[1]
    assert said("report", "tiny", "--against", "results/tiny")[0] == 0
    code, out, _ = said("replay", "run", "tiny", "balancer=random", "1")
    assert (code, out.split(":")[0]) == (0, "equal")
    code, out, _ = said("replay", "page", "tiny", "balancer=random", "1")
    assert (code, out.rsplit("; ", 1)[1]) == (0, "bit for bit the stored run\n")
    assert "balancer=random, replication 1</title>" in Path("results/tiny/replay-balancer=random-r1.html").read_text()
    assert said("replay", "page", "tiny", "balancer=random", "1", "--out", "here.html")[0] == 0
    assert Path("here.html").read_bytes() == Path("results/tiny/replay-balancer=random-r1.html").read_bytes()
    code, out, _ = said("doctor")
    assert (code, "4 whole replications" in out) == (0, True)
    Path(".victor-sim/store/ab/cd").mkdir(parents=True)
    Path(".victor-sim/store/ab/cd/rep-0000.npz.1.part").write_bytes(b"")
    assert said("doctor")[0] == 1
    assert said("doctor", "--clean")[0] == 0


def test_results_that_differ_are_exit_1(said: Said) -> None:
    for seed in (1, 2):
        assert said("run", *TINY, f"seed={seed}", f"name=seed_{seed}")[0] == 0
    code, out, _ = said("report", "seed_1", "--against", "results/seed_2")
    assert code == 1
    assert "run  sojourn_s_mean: " in out


def test_a_study_agrees_with_itself_under_another_seed(said: Said) -> None:
    words = ["-m", "balancer=random,power_of_d", *TINY, "name=pair", "objective=sojourn_s_mean"]
    for seed in (2, 1):
        assert said("run", *words, f"seed={seed}")[0] == 0
    code, out, _ = said("report", "pair", "--agrees-with", "2")
    assert code == 0
    assert out.startswith("1 pairs, ")
    assert said("report", "pair", "--agrees-with", "3")[0] == 2, "that seed was not run"


def test_init_in_a_folder_that_is_not_there(said: Said) -> None:
    code, out, _ = said("init", "deep/mine")
    assert code == 0
    assert out.splitlines()[-1] == "next: cd deep/mine && victor-sim run --config-dir conf experiment=mine"
    assert "  deep/mine/trace.csv" in out.splitlines()


def test_a_plain_run_is_named_by_its_hash(said: Said) -> None:
    code, _out, _ = said("run", *TINY)
    assert code == 0
    (folder,) = Path("results").iterdir()
    assert folder.name.startswith("run-")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["name"] == folder.name
    assert [point["point"] for point in manifest["points"]] == ["run"]


def test_inspect_tells_what_is_understood(said: Said) -> None:
    Path("trace.csv").write_text("when,size\n0,5\n1,6\n3,7\n", encoding="utf-8")
    code, out, _ = said("inspect", "trace.csv", "arrivals.columns.time=when", "arrivals.columns.prompt_tokens=size")
    assert code == 0
    assert "rows" in out
    code, _, err = said("inspect", "trace.csv", "arrivals.columns.time=moment")
    assert (code, err.splitlines()) == (
        2,
        [
            "victor-sim: arrivals.columns.time=moment: accepted is a column of trace.csv: when, size",
            "next: victor-sim inspect trace.csv arrivals.columns.time=when shows what is understood then",
        ],
    )


def test_an_interrupt_anywhere_is_130(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(assemble, "assemble", stop)
    code, _, err = said("run", *TINY)
    assert (code, err) == (130, "victor-sim: interrupted; what is finished is kept\n")


def test_what_init_leaves_runs(tmp_path: Path) -> None:
    """In processes of their own: the starter's strategy registers itself."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sim.experiments.main", *words]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    done = run(tmp_path, "init", "mine")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("next: cd mine && victor-sim run --config-dir conf experiment=mine\n")
    mine = tmp_path / "mine"
    done = run(tmp_path, "init", "mine")
    assert (done.returncode, done.stderr) == (
        2,
        "victor-sim: DIR=mine: accepted is a folder that is empty or not there yet\nnext: another name for DIR\n",
    )
    done = run(mine, "run", "--config-dir", "conf", "experiment=mine", "stats.replications=2", "launcher.workers=2")
    assert done.returncode == 0, done.stderr
    assert "has the lowest sojourn_s_" in done.stdout
    manifest = json.loads((mine / "results/mine/manifest.json").read_text(encoding="utf-8"))
    assert [point["keys"]["balancer"] for point in manifest["points"]] == [
        "round_robin",
        "power_of_d",
        "least_of_three",
    ]
    assert set(manifest["points"][0]["inputs"]) == {"arrivals.path", "extensions[0]"}
    assert str(tmp_path) not in json.dumps(manifest)
    readme = (mine / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.relative_to(mine).as_posix()}`" in readme for path in mine.glob("conf/*/*.yaml"))


def test_a_run_that_is_invalid_is_exit_1(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise InvalidRun("yardstick", "by\nhand")

    monkeypatch.setattr("sim.bench.bench_turns.in_turn", broken)
    assert said("bench") == (1, "", "victor-sim: yardstick is INVALID: by hand\n")


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m sim.experiments.main run --help | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (HELP_HEAD, "")


HELP_HEAD = "victor-sim run [--multirun] [--dry-run] [--missing] [--replace] [--config-dir DIR] [config=FILE]\n"
