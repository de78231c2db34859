"""What is put in where bytes are bent, and what once raised what it must not, or nearly did."""

from __future__ import annotations

import json

from tests.fuzz.targets import BENCHMARK, CALLS, REQUEST, _model

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
    ("config", b"[" * 4_000),
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
    ("plugin calls", CALLS.lines().replace(b"1.0.0", b"\xff")),
    ("plugin calls", b'{"type":"object","facts":{"a":' + b"[" * 100_000),
    ("key records", b"[" * 100_000),
    ("kept benchmark", b'{"tests": {"test_a::b": {}}}'),
    ("kept benchmark", b'{"tests": 5}'),
    ("benchmark", BENCHMARK.replace(b'"t/test_a.py::b"', b"5")),
    ("benchmark", b"[" * 100_000),
    ("index", b"[" * 100_000),
    ("index", b'{"question": "which?", "verdicts": ["\\ud800"], "validity": "ok", "command": "run"}'),
)
