"""What reads bytes from outside, each with an example that is good: it may give something or raise what it states.

`read(data, folder)` raises nothing but `allowed`; anything else is a crash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sim.bench.against_files import results_in
from sim.bench.compose import compose, load_saved
from sim.bench.ledger import Ledger
from sim.bench.own_data import inspect_file
from sim.bench.storm.ledger import Chunk, StormLedger, line_of
from sim.errors import SimError
from sim.integration.plugins import manifest
from sim.integration.plugins.runners.frames import Assembler, FrameError, Result, of_worker, pack
from sim.intelligence import snapshot
from sim.live.calibrate.rows import read_rows
from sim.scalability.manager.journal_file import FileJournal
from sim.world.params import ColumnParams
from sim.world.traces.bins import read_bins
from sim.world.traces.reader import TraceReader
from tests.integration.gateway.rig import Rig

KEY = b"k" * 32
FRAME_MAX_BYTES = 1 << 16
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
    Target("http", REQUEST, read_http),
)  # fmt: skip
WORDS = (
    *(json.dumps(word).encode() for word in ("\ud800", "=1+1", "../..", "\u202e", "nan")),
    b"NaN", b"1e999", b"-1", b"null", b"{}", b"[]", b"[[[[", b"\xff", b"\x00", b"\r\n", b"2001-99-99", b"&a [*a]",
    b"9" * 400, b"!!python/name:os.system", b"0x7fffffffffffffffffff", b"true", b"'", b'"', b"\n", b",", b"=",
)  # fmt: skip
KEPT = (  # what once raised what it must not, or nearly did: target, bytes
    ("results manifest", b'{"versions": 5}'),
    ("results manifest", b'{"points": 7}'),
    ("timings", b'{"a": ["x"]}'),
    ("timings", b'{"a": 5}'),
    ("timings", b'{"a": [1' + b"0" * 400 + b"]}"),
    ("points", b"point,metric,mean,ci_low,ci_high\n\xff,a,1,1,1\n"),
    ("recorded", b"request,due_at,sent_at,latency_s,status,ordinal,node,waited_s,ran_s\n\r0,0.5\n"),
    ("trace", b"time,prompt_tokens,output_tokens\n0.5,10,20\n1e9992024,1,2\n"),
    ("trace", b"time,prompt_tokens,output_tokens\n1e9992024,1,2\n-1e9992024,1,2\n1e-9992024,1,2\n"),
    ("trace", b"\rtime,prompt_tokens,output_tokens\n0.5,10,20\n"),
    ("ledger", b'\x80["one", 1]\n'),
    ("ledger", b"5\n"),
    ("ledger", b'[["one"], 1]\n'),
    ("ledger", b"[" * 100_000),
    ("config", b"name: 2001-99-99\n"),
    ("config", b"[" * 20_000),
    ("config", b"fleet: &a {nodes: 4, speeds: *a}\n"),
    ("config", b"fleet: {speeds: &a [*a]}\n"),
    (
        "config",
        b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 10))
            for name in range(ord("b"), ord("k"))
        ),
    ),
    ("model", _model().replace(b'"seed":1', b'"seed":NaN')),
    ("model", _model()[:-10] + b'\\ud800"}'),
    ("model", _model().replace(b'"d"', b'"\\ud800"')),
    ("http", REQUEST.replace(b"/v1/agents", b"/v1/agents/%ff%00")),
)
