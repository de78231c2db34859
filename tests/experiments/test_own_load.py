"""A user's access log, compressed, from `inspect` to a report; and what is wrong with a file, told in one line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

Said = Callable[..., tuple[int, str, str]]
LINE = '10.0.0.{n} - - [12/Mar/2024:06:{minute:02}:{second:02} +0100] "POST /chat HTTP/1.1" 200 9 "-" "a" rt=0.5\n'
FLEET = ("fleet.nodes=2", "fleet.agents_per_node=2", "stats.replications=2", "launcher.workers=1", "horizon_s=200",
         "engine=simpy")  # fmt: skip


def test_an_access_log_is_inspected_run_and_told_in_the_report(said: Said) -> None:
    lines = [LINE.format(n=number % 7, minute=number // 60, second=number % 60) for number in range(120)]
    lines[40] = "-- log rotated --\n"
    Path("access.log.gz").write_bytes(gzip.compress("".join(lines).encode()))
    code, out, err = said("inspect", "access.log.gz")
    assert (code, err) == (0, "")
    told = [line.strip() for line in out.splitlines()]
    assert told[0] == "access.log.gz: a request trace (access log, gzip)"
    assert "rows               119" in told
    assert "row 41: '-- log rotated --' is not accepted; accepted is client ident user" in out
    assert "victor-sim run arrivals=trace arrivals.path=access.log.gz service=trace horizon_s=120" in told
    code, out, err = said(
        "run", "arrivals=trace", "arrivals.path=access.log.gz", "service=trace", "arrivals.resample=none",
        "name=mine", *FLEET,
    )  # fmt: skip
    assert code == 0, out + err
    assert "run: 238 requests" in out or "119 requests" in out
    notes = Path("results/mine/report.md").read_text(encoding="utf-8")
    assert "access.log.gz (access log, gzip): 1 of 120 lines are left out, the first is 41" in notes
    assert "the requests of one are spread evenly over it" in notes
    assert sorted(path.name for path in Path.cwd().iterdir()) == [".victor-sim", "access.log.gz", "results"]


def test_what_is_wrong_with_a_file_is_one_line_and_exit_2(said: Said) -> None:
    Path("empty.gz").write_bytes(gzip.compress(b""))
    Path("cut.gz").write_bytes(gzip.compress(bytes(range(256)) * 999)[:-999])
    Path("bins.gz").write_bytes(gzip.compress(b"0,1,1\n600,2,1\n"))
    Path("broken.csv.gz").write_bytes(gzip.compress(b"time\n0\n1\nsoon\n"))
    for name, problem in (
        ("empty.gz", "no requests"), ("cut.gz", "cannot be unpacked"), ("bins.gz", "no time column"),
    ):  # fmt: skip
        code, out, err = said("inspect", name)
        assert (code, out, problem in err.splitlines()[0]) == (2, "", True), err
        assert err.startswith(f"victor-sim: {name}")
    code, out, _ = said("inspect", "broken.csv.gz")
    assert code == 0
    assert "row 4: column 'time': 'soon' is not accepted" in out
    code, out, err = said("run", "arrivals=trace", "arrivals.path=empty.gz", *FLEET)
    assert (code, "no requests" in err.splitlines()[0]) == (2, True), err
