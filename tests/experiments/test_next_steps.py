"""What a user meets first is told with what to do next, on a second line: a command, or a key that can be typed."""

from __future__ import annotations

import copy
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.bench.compose import compose
from sim.errors import ConfigError, InputError, InvalidRun, NodeError, SimError, WorkerLost
from sim.experiments.main import main
from sim.world.params import ColumnParams
from sim.world.traces import parquet

Said = Callable[..., tuple[int, str, str]]
TINY = "horizon_s=20 fleet.nodes=2 stats.replications=1 launcher.workers=1 engine=simpy study.figures=[]"
EXAMPLE = "next: victor-sim init my-fleet leaves an example of a trace, my-fleet/trace.csv"
OWN = "next: arrivals.path=FILE names your own; victor-sim init my-fleet leaves an example, my-fleet/trace.csv"
KEYS = "next: victor-sim run --help lists every key with its default, and the choices of every group"
GROUP = "next: take one of these, or add your own as conf/{}/NAME.yaml with --config-dir conf"
VERB = "next: the verb with --help shows examples, flags and keys"

MET = [
    ("fly", "next: victor-sim --help says what each does"),
    ("run --fast", VERB),
    ("run balancers", VERB),
    ("run fleet.nodez=1", KEYS),
    ("run --multirun fleet.nodez=1,2", KEYS),
    ("run experiment=mine", GROUP.format("experiment")),
    ("run balancer=mine", GROUP.format("balancer")),
    ("run balancer=random,prequal", "next: victor-sim run --multirun balancer=random,prequal and the rest as it was"),
    ("run --config-dir none", "next: victor-sim init my-fleet makes such a folder: my-fleet/conf"),
    ("run config=none.yaml", "next: victor-sim run experiment=NAME leaves one as results/NAME/best.yaml"),
    ("run arrivals=trace", OWN),
    ("run arrivals=trace arrivals.path=none.csv", OWN),
    ("run experiment=trace", OWN),
    ("inspect none.csv", EXAMPLE),
    ("inspect empty.csv", EXAMPLE),
    ("run arrivals=trace arrivals.path=empty.csv", EXAMPLE),
    ("inspect odd.csv", "next: victor-sim inspect odd.csv arrivals.columns.time=when shows what is understood then"),
    ("inspect odd.csv arrivals.columns.time=moment",
     "next: victor-sim inspect odd.csv arrivals.columns.time=when shows what is understood then"),
    ("run extensions=[none.py]", "next: victor-sim init my-fleet leaves an example"),
    ("run experiment=capacity slo.max=null", "next: slo.max=20 asks for a p99 of 20 s"),
    ("report", "next: the same words after victor-sim run, or victor-sim report NAME for a folder below results"),
    ("report none", "next: victor-sim run experiment=NAME makes results"),
    ("report none --against others", "next: victor-sim run makes one in results/NAME"),
    ("report --index", "next: victor-sim run experiment=balancers"),
    ("init .", "next: another name for DIR"),
    ("inspect .", EXAMPLE),
    ("replay", "next: victor-sim replay --help shows what each is for; results/NAME/points.csv names the points"),
    ("keys revoke nobody", "next: victor-sim keys list shows them"),
    ("node server.url=here", "next: victor-sim serve prints the address at its start, behind `nodes join at:`"),
    ("node server.url=tcp://127.0.0.1:1 server.key_file=none.key node.agents.agent=json:dumps",
     "next: server.key_file=FILE, a copy of the node.key that victor-sim serve names at its start, or VICTOR_SIM_KEY"),
    ("serve gateway.host=0.0.0.0 fleet.nodes=2 server.provider=none",
     "next: gateway.tls_cert=FILE gateway.tls_key=FILE, or gateway.host=127.0.0.1 behind a proxy that encrypts"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "step"), MET)
def test_the_next_step_is_told(command: str, step: str, said: Said) -> None:
    Path("empty.csv").write_text("time\n", encoding="utf-8")
    Path("odd.csv").write_text("when,size\n0,5\n1,6\n", encoding="utf-8")
    code, out, err = said(*command.split())
    assert (code, out) == (2, "") or command.startswith("serve")
    assert err.splitlines()[1:] == [step], err


def test_a_name_that_is_taken_says_both_ways_out(said: Said) -> None:
    assert said("run", *TINY.split(), "name=mine")[0] == 0
    assert said("report", "none")[2].splitlines()[1] == "next: there are mine"
    code, _, err = said("run", *TINY.split(), "name=mine", "fleet.nodes=3")
    assert code == 2
    assert (
        err.splitlines()[1] == "next: name=mine_2 keeps both; --replace gives the old results up (what is stored stays)"
    )
    for way in ("name=mine_2", "--replace"):
        assert said("run", *TINY.split(), "name=mine", "fleet.nodes=3", way)[0] == 0, way
    code, _, err = said("replay", "run", "mine", "run", "7")
    assert (code, err.splitlines()[1]) == (2, "next: victor-sim run again runs what is missing")


def test_a_port_that_is_taken_names_the_free_one(said: Said) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = [f"gateway.port={port}", "fleet.nodes=2", "fleet.agents_per_node=1", "server.provider=none"]
        code, _, err = said("serve", *words)
    assert code == 2
    first, step = err.splitlines()
    assert f"={port}: accepted is a place to listen at (" in first
    assert step == "next: gateway.port=0 (server.node_port=0 for nodes) takes a free one, or end who listens there"


def test_a_key_file_that_others_can_read_is_told_with_the_command(said: Said) -> None:
    assert said("keys", "create", "me")[0] == 0
    (pepper,) = [path for path in Path(".victor-sim").rglob("*") if path.is_file() and path.name.endswith("pepper")]
    pepper.chmod(0o644)
    code, _, err = said("keys", "list")
    assert (code, err.splitlines()[1]) == (2, f"next: chmod 600 {pepper}")


def test_an_extra_that_is_not_there_is_told_with_its_install(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ray", "submitit", "pyarrow", "optuna"):
        monkeypatch.setitem(__import__("sys").modules, package, None)  # type: ignore[arg-type]
    for kind in ("ray", "slurm"):
        code, _, err = said("run", *TINY.split(), f"launcher={kind}")
        assert (code, err.splitlines()[1]) == (2, f"next: pip install 'victor-sim[{kind}]', or launcher=local")
    code, _, err = said("optimize", "methods=tpe", "surface=null", "seeds=1", "windows=20", "workers=1", "--quiet")
    assert (code, err.splitlines()[1]) == (2, "next: pip install 'victor-sim[optuna]', or methods= without tpe")
    with pytest.raises(ConfigError) as caught:
        parquet.table("mine.parquet", ColumnParams())
    assert caught.value.next_step == "pip install 'victor-sim[parquet]'"


def test_an_error_keeps_its_next_step_wherever_it_goes() -> None:
    for error in (ConfigError("a", 1, "2", "a=2"), InputError("f", 3, "c", "bad", "mend it"), ConfigError("a", 1, "2")):
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), type(error)(*error.args)):
            assert (str(again), again.next_step) == (str(error), error.next_step)
    for lost in (InvalidRun("run", "why"), InvalidRun("run", "why", "look"), WorkerLost(-9), WorkerLost(None)):
        for again in (pickle.loads(pickle.dumps(lost)), copy.copy(lost), type(lost)(*lost.args)):
            assert (str(again), again.next_step) == (str(lost), lost.next_step)
    assert InvalidRun("run", "why", "look").next_step == "look"
    assert "launcher.workers=1" in WorkerLost(-9).next_step
    assert (SimError("x").next_step, NodeError("n", "gone").next_step) == ("", "")
    with pytest.raises(ConfigError) as caught:
        compose(["fleet.nodes=0"])
    assert caught.value.next_step == "", "what is accepted says it all"


def test_without_a_next_step_one_line_is_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "fleet.nodes=0"]) == 2
    assert capsys.readouterr().err == "victor-sim: fleet.nodes=0: accepted is a whole number from 1 to 1,000,000\n"
