"""The table of mutants: a part that is judged again gives way, the rows of the others stay."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.storm.mutants import Site
from tests.storm.mutate import COLUMNS, FURTHER, PARTS, PUBLISHED, TOP, Verdict, publish


def test_a_part_is_published_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "mutation.csv"
    path.write_text("part,of,mutants,caught,survivor,line,change\none,2,2,1,,,\none,,,,a.py,3,x\ntwo,1,1,1,,,\n")
    sites = [Site(number, 10 + number, "statement deleted", lambda node: node) for number in range(3)]
    publish([Verdict("one", 9, "b.py", site, site.number == 1) for site in sites], path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        COLUMNS,
        ["two", "1", "1", "1", "", "", ""],
        ["one", "9", "3", "2", "", "", ""],
        ["one", "", "", "", "b.py", "11", "statement deleted"],
    ]


def test_the_published_table_adds_up_and_names_what_is_there() -> None:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["survivor"]:
            assert (TOP / row["survivor"]).is_file()
            continue
        left = [one for one in rows if one["part"] == row["part"] and one["survivor"]]
        assert int(row["caught"]) + len(left) == int(row["mutants"]) <= int(row["of"])
    assert {row["part"] for row in rows} <= set(PARTS)
    assert set(FURTHER) <= set(PARTS)
