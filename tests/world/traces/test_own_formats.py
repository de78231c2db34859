"""Load as users have it: access logs with zones, extras and bad lines; gzip; Parquet; what is broken or empty."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from sim.errors import ConfigError, InputError
from sim.world.params import ColumnParams
from sim.world.traces import access_log, plain
from sim.world.traces.access_log import BadLine, ordered, parse, spread
from sim.world.traces.inspect import inspect_trace
from sim.world.traces.plain import kind_of, plain_copy
from sim.world.traces.reader import TraceReader

NGINX = (
    '203.0.113.9 - - [12/Mar/2024:06:25:24 +0100] "GET /v1/chat?x=1 HTTP/1.1" 200 5316 "https://a.example/" '
    '"Mozilla/5.0 (X11; Linux) \\"quoted\\"" rt=0.250 uct="0.001" 0.3 41000\n'
)
COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326\n'
SECONDS = ["12/Mar/2024:06:25:24 +0100", "12/Mar/2024:05:25:25 +0000", "12/Mar/2024:05:25:24 +0000",
           "12/Mar/2024:00:25:26 -0500"]  # fmt: skip
NONE = ColumnParams()


def lines(extra: str = "") -> list[str]:
    return [f'10.0.0.{n} - - [{at}] "GET / HTTP/1.1" 200 1 "-" "curl"{extra}\n' for n, at in enumerate(SECONDS)]


def write(folder: Path, text: str | bytes, name: str = "access.log") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_line_of_either_format_is_taken_apart() -> None:
    entry = parse(COMMON)
    assert entry.second == 971_211_336  # `date -d "2000-10-10T13:55:36-07:00" +%s`
    assert entry.fields["client"] == "127.0.0.1"
    assert entry.fields["user"] == "frank"
    assert (entry.fields["method"], entry.fields["path"]) == ("GET", "/apache_pb.gif")
    told = parse(NGINX).fields
    assert (told["rt"], told["uct"], told["extra1"], told["extra2"]) == ("0.250", "0.001", "0.3", "41000")
    assert told["referer"] == "https://a.example/"
    assert told["agent"].endswith('\\"quoted\\"')


@pytest.mark.parametrize(
    "line",
    [
        "", "hello", COMMON.replace("Oct", "Okt"), COMMON.replace("10/Oct", "31/Feb"), COMMON.replace("13:55", "25:55"),
        COMMON.replace(" -0700", ""), COMMON.replace("200", "OK"), COMMON.replace('"GET', "GET"), "a,b,c",
    ],
)  # fmt: skip
def test_a_line_that_is_none_says_so(line: str) -> None:
    with pytest.raises(BadLine):
        parse(line)


def test_instants_are_those_of_their_zone_in_order_and_spread_over_their_second(tmp_path: Path) -> None:
    copy = plain_copy(write(tmp_path, "".join(lines())), tmp_path / "made", NONE)
    assert (copy.kind, copy.rows, copy.rejected_count) == ("access log", 4, 0)
    text = Path(copy.path).read_text(encoding="utf-8").splitlines()
    assert text == [
        "time,client", "1710221124.250000,10.0.0.0", "1710221124.750000,10.0.0.2", "1710221125.500000,10.0.0.1",
        "1710221126.500000,10.0.0.3",
    ]  # fmt: skip
    rows = list(TraceReader(copy.path, NONE).rows())
    assert [row.at for row in rows] == [0.0, 0.5, 1.25, 2.25]
    assert len({row.key for row in rows}) == 4  # the client is the affinity key
    assert not list((tmp_path / "made").glob("*.part"))


def test_bad_lines_are_left_out_counted_and_named(tmp_path: Path) -> None:
    good = lines() * 8
    path = write(tmp_path, "".join([*good[:5], "\x16\x03\x01 garbage\n", "\n", *good[5:]]))
    copy = plain_copy(path, tmp_path, NONE)
    assert (copy.rows, copy.rejected_count) == (32, 1)
    assert copy.rejected[0].line == 6
    assert "garbage" in copy.rejected[0].reason
    assert plain_copy(path, tmp_path, NONE) == copy  # from the copy, with what was told then
    many = write(tmp_path, "".join([*lines(), "x\n"]), "many.log")
    with pytest.raises(InputError, match=r"1 of 5 lines cannot be read, at most a tenth .* the first is 5: 'x'"):
        plain_copy(many, tmp_path, NONE)
    assert [one.name for one in tmp_path.glob("many*")] == ["many.log"]


@pytest.mark.parametrize(
    ("column", "extra", "service_s"),
    [("rt", " rt=0.25", 0.25), (None, " rt=0.25", 0.25), ("extra1", " 0.5", 0.5), ("extra1_us", " 41000", 0.041),
     ("extra2_ms", ' "-" 7', 0.007), (None, " 0.5", 0.0)],
)  # fmt: skip
def test_a_duration_is_read_where_it_is_named(tmp_path: Path, column: str | None, extra: str, service_s: float) -> None:
    columns = ColumnParams(service_s=column)
    copy = plain_copy(write(tmp_path, "".join(lines(extra))), tmp_path, columns)
    assert [row.service_s for row in TraceReader(copy.path, columns).rows()] == [service_s] * 4


def test_a_field_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(lines(" rt=1")))
    with pytest.raises(ConfigError, match=r"service_s=upstream: .* time, client, user, .*, rt"):
        plain_copy(path, tmp_path, ColumnParams(service_s="upstream"))
    with pytest.raises(ConfigError, match=r"columns\.type=kind"):
        plain_copy(path, tmp_path, ColumnParams(type="kind"))
    copy = plain_copy(path, tmp_path, ColumnParams(type="method", key="status"))
    assert [row.type for row in TraceReader(copy.path, ColumnParams(type="method", key="status")).rows()] == ["GET"] * 4


def test_a_line_without_its_duration_is_left_out(tmp_path: Path) -> None:
    text = [*lines(" rt=1") * 8, lines(" rt=-")[0], lines(" rt=-1")[0]]
    copy = plain_copy(write(tmp_path, "".join(text)), tmp_path, NONE)
    assert (copy.rows, [one.reason.partition(" is")[0] for one in copy.rejected]) == (32, ["no rt", "rt '-1'"])


def test_lines_are_put_in_order_within_a_bound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    late: list[int] = []
    rows = [(second, line, [str(line)]) for line, second in enumerate([5, 3, 4, 9, 8, 1])]
    assert [row[0] for row in ordered(rows, late, 2)] == [3, 4, 5, 8, 9]
    assert late == [5]
    assert list(spread([])) == []
    monkeypatch.setattr(access_log, "REORDER_MAX", 2)
    steady = [lines()[0].replace(":24 ", f":{24 + number} ") for number in range(20)]
    early = lines()[0].replace("2024", "2023")
    copy = plain_copy(write(tmp_path, "".join([*steady, early])), tmp_path, NONE)
    assert (copy.rows, [one.line for one in copy.rejected]) == (20, [21])
    assert copy.rejected[0].reason == "more than 2 lines out of order"


def test_gzip_is_unpacked_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "time,service_s\n0,1\n2,3\n"
    path = write(tmp_path, gzip.compress(text.encode()), "trace.csv.gz")
    copy = plain_copy(path, tmp_path, NONE)
    assert (copy.kind, copy.compressed) == ("CSV", True)
    assert Path(copy.path).read_text(encoding="utf-8") == text
    log = plain_copy(write(tmp_path, gzip.compress("".join(lines()).encode()), "a.log.gz"), tmp_path, NONE)
    assert (log.told, log.rows) == ("access log, gzip", 4)
    half = gzip.compress(bytes(range(256)) * 4000)[:-2000]
    with pytest.raises(InputError, match="cannot be unpacked"):
        plain_copy(write(tmp_path, half, "half.gz"), tmp_path, NONE)
    monkeypatch.setattr(plain, "UNPACKED_BYTES_MAX", 10)
    with pytest.raises(InputError, match="more than 10 bytes unpacked"):
        plain_copy(write(tmp_path, gzip.compress(b"time\n1\n2\n3\n4\n5\n"), "big.csv.gz"), tmp_path, NONE)
    assert not list(tmp_path.glob("*.part"))


def test_a_plain_csv_is_read_where_it_is_and_nothing_else_is_taken_for_a_log(tmp_path: Path) -> None:
    path = write(tmp_path, "time,user\n1,a\n", "trace.csv")
    assert plain_copy(path, tmp_path / "made", NONE).path == path
    assert not (tmp_path / "made").exists()
    assert kind_of(write(tmp_path, "", "empty.log")) == ("CSV", False)
    with pytest.raises(InputError, match="no requests"):
        inspect_trace(write(tmp_path, "", "empty.log"))
    with pytest.raises(InputError, match="no requests"):
        inspect_trace(plain_copy(write(tmp_path, gzip.compress(b""), "empty.gz"), tmp_path, NONE).path)
    with pytest.raises(InputError, match="no such file"):
        kind_of(str(tmp_path / "none.log"))


def test_parquet_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, b"PAR1" + bytes(40) + b"PAR1", "trace.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pyarrow, which comes with `pip install 'victor-sim\[parquet\]'`"):
        plain_copy(path, tmp_path, NONE)


needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow (extra parquet)")


@needs_pyarrow
def test_parquet_is_read_with_its_instants_and_null_rows_left_out(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    at = [1_700_000_000_123_456_789 + 10**9 * number for number in range(30)]
    table = pyarrow.table(
        {
            "prompt": ["long text"] * 30,
            "TIMESTAMP": pyarrow.array([*at[:29], None], pyarrow.timestamp("ns", tz="Europe/Berlin")),
            "ContextTokens": pyarrow.array(range(30), pyarrow.int64()),
            "GeneratedTokens": pyarrow.array([7] * 30, pyarrow.int32()),
        }
    )
    path = str(tmp_path / "trace.parquet")
    parquet.write_table(table, path, row_group_size=4)
    copy = plain_copy(path, tmp_path, NONE)
    assert (copy.kind, copy.rows, copy.rejected_count, copy.rejected[0].line) == ("Parquet", 29, 1, 30)
    assert "prompt" not in Path(copy.path).read_text(encoding="utf-8").splitlines()[0].split(",")
    rows = list(TraceReader(copy.path, NONE).rows())
    assert [row.at for row in rows] == [float(number) for number in range(29)]
    assert [row.prompt_tokens for row in rows][:3] == [1, 1, 2]  # a request holds at least one token
    with pytest.raises(ConfigError, match=r"arrivals\.columns\.time=when"):
        plain_copy(path, tmp_path, ColumnParams(time="when"))
    Path(path).write_bytes(Path(path).read_bytes()[:300])
    with pytest.raises(InputError, match="no Parquet file"):
        plain_copy(path, tmp_path, NONE)
    assert json.loads(Path(copy.path).with_suffix(".json").read_text(encoding="utf-8"))["rows"] == 29
