"""What reads bytes from outside, each with an example that is good: it may give something or raise what it states.

`read(data, folder)` raises nothing but `allowed`; anything else is a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sim.bench.against_files import results_in
from sim.bench.bench_compare import compare
from sim.bench.compose import compose, load_saved
from sim.bench.ledger import Ledger
from sim.bench.own_data import inspect_file
from sim.bench.storm.ledger import Chunk, StormLedger, line_of
from sim.errors import SimError
from sim.integration.gateway.key_files import load_records
from sim.integration.plugins import manifest
from sim.integration.plugins.journal import Asked, Brought, Entry, Journal, Loaded
from sim.integration.plugins.runners.frames import Assembler, FrameError, Result, of_worker, pack
from sim.intelligence import snapshot
from sim.intelligence.store import MetricsStore, _sum, _text
from sim.live.calibrate.rows import read_rows
from sim.live.link.credential import read_secret, told
from sim.report.index import write_index
from sim.scalability.manager.journal_file import FileJournal
from sim.types.metrics import AgentMetrics
from sim.world.params import ColumnParams
from sim.world.traces.bins import read_bins
from sim.world.traces.reader import TraceReader
from tests.integration.gateway.rig import Rig

KEY = b"k" * 32
FRAME_MAX_BYTES = 1 << 16
BENCHMARK = b'{"benchmarks": [{"fullname": "t/test_a.py::b", "name": "b", "stats": {"median": 0.5, "rounds": 3}}]}'
KEPT_TESTS = b'{"machine": {}, "tests": {"test_a::b": {"median_s": 0.25, "rounds": 3}}}'
POINTS = b"point,metric,mean,ci_low,ci_high\na,sojourn_s_mean,1.0,0.5,1.5\n"


@dataclass(frozen=True, slots=True)
class Target:
    """`example` is read without a fault; `allowed` are the errors that its documentation states."""

    name: str
    example: bytes
    read: Callable[[bytes, Path], None]
    allowed: tuple[type[Exception], ...] = (SimError,)


def _file(data: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read_manifest(data: bytes, folder: Path) -> None:
    """A plugin's manifest: never raises."""
    found, faults = manifest.read(data)
    assert found is not None or faults


def read_config(data: bytes, folder: Path) -> None:
    """A saved config, and then as one is composed."""
    path = _file(data, folder, "saved.yaml")
    load_saved(path)
    compose([f"config={path}"])


def read_override(data: bytes, folder: Path) -> None:
    """An override of the command line."""
    compose([data.decode("utf-8", "replace")])


def read_trace(data: bytes, folder: Path) -> None:
    """A trace, row by row."""
    for _ in TraceReader(str(_file(data, folder, "trace.csv")), ColumnParams()).rows():
        pass


def read_any_trace(data: bytes, folder: Path) -> None:
    """What `inspect` says of a file of whatever kind."""
    inspect_file(str(_file(data, folder, "trace.csv")), folder / "state", ColumnParams(), "auto")


def results_file(name: str) -> Callable[[bytes, Path], None]:
    """Reads a folder of results whose file of that name is bent."""

    def read(data: bytes, folder: Path) -> None:
        _file(POINTS, folder, "points.csv")
        _file(data, folder, name)
        results_in(folder)

    return read


def read_recorded(data: bytes, folder: Path) -> None:
    """What a live run recorded."""
    read_rows(_file(data, folder, "recorded.csv"))


def read_rates(data: bytes, folder: Path) -> None:
    """Rates by time."""
    read_bins(str(_file(data, folder, "rates.csv")))


def read_frames(data: bytes, folder: Path) -> None:
    """What a worker wrote, in two pieces."""
    assembler = Assembler(FRAME_MAX_BYTES)
    for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
        assembler.add(piece)
        while (body := assembler.take()) is not None:
            of_worker(body)


def read_ledger(data: bytes, folder: Path) -> None:
    """A ledger of finished parts; what was cut off is not read, and what is written next can be."""
    path = _file(data, folder, "ledger.jsonl")
    Ledger(path).write("next", 7)
    assert Ledger(path).parts["next"] == 7


def read_storms(data: bytes, folder: Path) -> None:
    """The ledger of storms."""
    StormLedger(_file(data, folder, "storms.jsonl"))


def read_journal(data: bytes, folder: Path) -> None:
    """The journal of assignments."""
    journal = FileJournal(_file(data, folder, "journal"))
    try:
        journal.records()
    finally:
        journal.close()


def read_model(data: bytes, folder: Path) -> None:
    """The optimizer's snapshot."""
    snapshot.load(_file(data, folder, "model.json"), KEY, 0)


def read_metrics(data: bytes, folder: Path) -> None:
    """The optimizer's log of windows: a line whose sum is right, whatever it says."""
    text = data.decode("utf-8", "replace").replace("\n", " ")
    MetricsStore(_file(f"{_sum(0, text)} 0 {text}\n".encode(), folder, "metrics.jsonl")).close()


def read_keys(data: bytes, folder: Path) -> None:
    """Records of API keys."""
    path = _file(data, folder, "keys.json")
    path.chmod(0o600)
    load_records(path)


def read_credential(data: bytes, folder: Path) -> None:
    """A node's credential."""
    path = _file(data, folder, "node.key")
    path.chmod(0o600)
    read_secret(path)


def read_calls(data: bytes, folder: Path) -> None:
    """The journal of plugins' calls; what was read can be written and is read the same."""
    journal = Journal.of_lines(data)
    assert Journal.of_lines(journal.lines()).lines() == journal.lines()


def read_benchmark(data: bytes, folder: Path) -> None:
    """What pytest-benchmark wrote, beside what was kept of it before."""
    compare(_file(data, folder, "raw.json"), _file(KEPT_TESTS, folder, "kept.json"))


def read_kept_benchmark(data: bytes, folder: Path) -> None:
    """What was kept before, beside what pytest-benchmark wrote."""
    compare(_file(BENCHMARK, folder, "raw.json"), _file(data, folder, "kept.json"))


def read_index(data: bytes, folder: Path) -> None:
    """A manifest among published results."""
    (folder / "a").mkdir()
    _file(b"", folder / "a", "report.html")
    _file(data, folder / "a", "manifest.json")
    write_index(folder)


@cache
def _rig() -> Rig:
    return Rig({"default_rate_limit": 1_000_000, "address_rate_limit": 1_000_000}, fleet=True)


def read_http(data: bytes, folder: Path) -> None:
    """A request: first line, headers, an empty line, the body; every answer is one of the documented ones."""
    head, _, body = data.partition(b"\n\n")
    lines = head.split(b"\n")
    method, _, target = lines[0].decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    pairs = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines[1:])]
    rig = _rig()
    pairs = [(name, rig.keys["admin"].encode() if value == b"ADMIN" else value) for name, value in pairs]
    answer = rig.call(method or "GET", path or "/", None, body, raw_headers=pairs, query=query.encode("latin-1"))
    assert 200 <= answer.status < 500 or answer.status == 501, answer  # 501: a method that nobody knows
    assert not re.search(rb"Traceback|sim/|File \"", answer.body), answer


def _model() -> bytes:
    manifest = {"schema": snapshot.SCHEMA, "version": 3, "data": "d", "body": {"seed": 1, "settings": {"t": 0.5}}}
    text = snapshot._canonical({"manifest": manifest, "signature": snapshot._sign(manifest, KEY)})
    return text.encode()


METRICS = AgentMetrics(
    "agent-1", 60.0, 1.5, 0.85, 0.3, 0.4, 0.8, 0.9, 0.05, interaction_count=100,
    context_length=1_000.0, model_parameters={"temperature": 0.5}, variances={"response_time": 2.5},
)  # fmt: skip
CALLS = Journal([
    Loaded(0.5, "custom.a", "1.0.0", "process", ["before_route"]),
    Entry(0, 1.5, "custom.a", "before_route", "0" * 16, "value", 2.5, {"node": 3}, asked=[Asked(1.5, "now", {}, "1")]),
    Brought("custom.a", "balancers", "mine", {"needs": ["load"]}, "", [("1" * 16, [1, 2.5, None])]),
])  # fmt: skip
KEYS = (
    b'[{"key_id": "k1", "name": "a", "digest": "00ff", "scopes": ["read"], "created_at": 1.5,'
    b' "expires_at": 3, "revoked_at": null}]'
)
REQUEST = (
    b"POST /v1/agents?dry=1\nhost: localhost\nx-api-key: ADMIN\ncontent-type: application/json\n"
    b'content-length: 41\n\n{"name": "a-1", "type": "agent", "x": 1.5}'
)
TARGETS = (
    Target("manifest", b'id = "custom.a"\nversion = "1.0.0"\nmodule = "a"\nhooks = ["before_route"]\n'
           b'[order.before_route]\npriority = 3\n[settings.ttl_s]\nkind = "number"\ndefault = 3.5\nminimum = 0\n'
           b'[requires]\n"custom.b" = ">=1"\n[latency]\nlaw = "exponential"\nmean_s = 0.001\n', read_manifest, ()),
    Target("config", b"seed: 3\nfleet: {nodes: 4, speeds: [1.0, 2.0]}\nbalancer:\n  kind: power_of_d\n  d: 2\n"
           b"name: x\ndeadline_s: null\n", read_config),
    Target("override", b"fleet.speeds=[1.0,2.5]", read_override),
    Target("trace", b"time,prompt_tokens,output_tokens\n0.5,10,20\n1.5,11,21\n2024,1,2\n", read_trace),
    Target("any trace", b'10.0.0.1 - - [28/Nov/2026:18:01:32 +0000] "GET / HTTP/1.1" 200 5 0.25\n'
           b'10.0.0.1 - - [28/Nov/2026:18:01:33 +0000] "GET / HTTP/1.1" 200 5 0.5\n', read_any_trace),
    Target("points", POINTS, results_file("points.csv")),
    Target("replications", b"point,metric,r0,r1\na,sojourn_s_mean,1.0,1.5\n", results_file("replications.csv")),
    Target("results manifest", b'{"versions": {"numpy": "2.0"}, "points": [{"point": "a", "seed": 1}]}',
           results_file("manifest.json")),
    Target("timings", b'{"a": [0.5, 1.0]}', results_file("timings.json")),
    Target("recorded", b"request,due_at,sent_at,latency_s,status,ordinal,node,waited_s,ran_s\n"
           b"0,0.5,0.5,1.25,done,3,node-0,0.25,1.0\n", read_recorded),
    Target("rates", b"start,rate,cv\n0,5,1\n10,20,2\n20,0,0\n", read_rates),
    Target("frames", pack(Result(3, {"a": [1, 2.5, "x", None]})) + pack(Result(4, True)), read_frames, (FrameError,)),
    Target("ledger", b'["one", 1]\n["two", {"a": [1.5]}]\n', read_ledger),
    Target("storms", line_of(Chunk(1, 25, "code")) + line_of(Chunk(26, 25, "code")), read_storms),
    Target("journal", b"", read_journal),
    Target("model", _model(), read_model),
    Target("benchmark", BENCHMARK, read_benchmark),
    Target("kept benchmark", KEPT_TESTS, read_kept_benchmark),
    Target("index", b'{"question": "which?", "verdicts": ["a"], "validity": "ok", "command": "run"}', read_index),
    Target("metrics", _text(METRICS).encode(), read_metrics),
    Target("key records", KEYS, read_keys),
    Target("credential", (told(KEY) + "\n").encode(), read_credential),
    Target("plugin calls", CALLS.lines(), read_calls),
    Target("http", REQUEST, read_http),
)  # fmt: skip
