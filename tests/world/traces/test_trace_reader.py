"""Reading a request trace: columns by name, delimiters, and errors that name file, row, column and what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import ConfigError, InputError
from sim.world.params import ColumnParams
from sim.world.traces.lines import LINE_MAX
from sim.world.traces.reader import TraceReader, TraceRow, key_of


def reader_of(folder: Path, text: str | bytes, unit: str = "auto", **columns: str) -> TraceReader:
    path = folder / "trace.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TraceReader(str(path), ColumnParams(**columns), unit)


def test_columns_are_known_by_their_usual_names(tmp_path: Path) -> None:
    azure = reader_of(tmp_path, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n")
    assert azure.understood() == {
        "time": "TIMESTAMP",
        "prompt_tokens": "ContextTokens",
        "output_tokens": "GeneratedTokens",
    }
    assert azure.time_unit == "iso"
    assert list(azure.rows()) == [TraceRow(2, 0.0, 4808, 10)]
    other = reader_of(tmp_path, "user id;Arrival Time;duration_s;agent-type\nx;7;2.5;coder\n\ny;7.5;0;coder\n")
    assert list(other.rows()) == [
        TraceRow(2, 0.0, service_s=2.5, type="coder", key=key_of("x")),
        TraceRow(4, 0.5, service_s=0.0, type="coder", key=key_of("y")),
    ]
    tabs = reader_of(tmp_path, "ts\tinput tokens\n1\t0\n")
    assert list(tabs.rows()) == [TraceRow(2, 0.0, prompt_tokens=1)]  # at least one token


def test_columns_can_be_named(tmp_path: Path) -> None:
    text = "when,time,in\n5000,late,7\n6500,later,8\n"
    reader = reader_of(tmp_path, text, "ms", time="when", prompt_tokens="in")
    assert [(row.at, row.prompt_tokens) for row in reader.rows()] == [(0.0, 7), (1.5, 8)]
    with pytest.raises(ConfigError, match=r"arrivals\.columns\.key=who: accepted is a column of .*: when, time, in"):
        reader_of(tmp_path, text, time="when", key="who")


def test_what_spreadsheets_write_is_read(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbftime,prompt_tokens,key\r\n1,"12","a ""b"",\nc"\r\n2,13,d\r\n'
    rows = list(reader_of(tmp_path, text).rows())
    assert [(row.at, row.prompt_tokens) for row in rows] == [(0.0, 12), (1.0, 13)]
    assert rows[0].key == key_of('a "b",\nc')


def test_a_reader_comes_back_to_any_row(tmp_path: Path) -> None:
    text = 'time,key\n1,"a\nb"\n\n2,c\n3,"d"\n5,e\n'
    reader = reader_of(tmp_path, b"\xef\xbb\xbf" + text.encode())
    scanned = list(reader.scan())
    rows = [row for _, row in scanned]
    assert [row.line for row in rows] == [3, 5, 6, 7]  # the line on which a row ends
    for number, (place, _) in enumerate(scanned):
        assert list(reader.rows_from(place)) == rows[number:]


def test_keys_are_the_same_in_every_process() -> None:
    assert key_of("user-1") == 640050051772230810
    assert key_of("") != key_of("0")


@pytest.mark.parametrize(
    ("rows", "row", "column", "said"),
    [
        ("1,2,3,4\nx,2,3,4\n", 3, "time", "'x' is not accepted; accepted is a number or an ISO 8601 time"),
        (
            "1,2,3,4\n0.5,2,3,4\n",
            3,
            "time",
            "'0.5' is not accepted; accepted is an instant not before that of the row above",
        ),
        ("1,-2,3,4\n", 2, "prompt_tokens", "'-2' is not accepted; accepted is a count of tokens, 0 or more"),
        ("1,2.5,3,4\n", 2, "prompt_tokens", "'2.5' is not accepted"),
        ("1,12345678901,3,4\n", 2, "prompt_tokens", "of at most 9 digits"),
        ("1,2,,4\n", 2, "output_tokens", "'' is not accepted"),
        ("1,2,3,-4\n", 2, "service_s", "'-4' is not accepted; accepted is seconds, 0 or more"),
        ("1,2,3,nan\n", 2, "service_s", "'nan' is not accepted"),
        ("1,2,3,slow\n", 2, "service_s", "'slow' is not accepted"),
        ("1,2,3,4\n2,2,3\n", 3, "service_s", "the row has 3 of 4 columns"),
        ("never,2,3,4\n", 2, "time", "'never' is not accepted; accepted is a number or an ISO 8601 time"),
        ('1,2,3,4\n2,"2,3,4\n' + "x\n" * 70_000, 65_537, None, "field larger than field limit"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, rows: str, row: int, column: str | None, said: str) -> None:
    with pytest.raises(InputError) as raised:
        list(reader_of(tmp_path, "time,prompt_tokens,output_tokens,service_s\n" + rows).rows())
    error = raised.value
    assert (error.path, error.row, error.column) == (str(tmp_path / "trace.csv"), row, column)
    assert said in str(error)
    assert "\n" not in str(error)


def test_an_empty_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2, column 'type': '' is not accepted; accepted is the name of an agent"):
        reader_of(tmp_path, "time,type\n1,\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no requests; accepted is a CSV with a header"),
        (b"time,key\n", "no requests"),
        (b"\n\n", "no requests"),
        (
            b"0.5,100\n0.7,120\n",
            "row 1: no time column is known by its name; name one with arrivals.columns.time; there are",
        ),
        (b"time\n1\n\xff\xfe\n", "row 3: not UTF-8 text"),
        (b"time\n1\n\x00\n", "row 3: a zero byte"),
        (b"time\n1\n" + b"2" * (LINE_MAX + 1), f"row 3: a line of more than {LINE_MAX} bytes"),
    ],
)
def test_a_file_that_is_no_trace_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(InputError) as raised:
        list(reader_of(tmp_path, content).rows())
    assert said in str(raised.value)


def test_a_missing_file_names_its_source_if_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv: no such file$"):
        TraceReader(str(tmp_path / "nothing.csv"), ColumnParams())
    with pytest.raises(InputError) as raised:
        TraceReader(str(tmp_path / "azure_llm_2023_code.csv"), ColumnParams())
    for told in ("Azure LLM inference trace 2023", "CC-BY-4.0", "8,819 requests, 320 kB", "Patel et al."):
        assert told in str(raised.value)
