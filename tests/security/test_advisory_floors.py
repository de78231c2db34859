"""No locked package stands below the version that mended a known hole; offline, against a committed table.

`pip-audit` ends well where its index knows no advisories and nothing was audited, so what counts here is counted: every
row of the table meets a locked package, and the packages that the table says nothing of are told by number. The table
was written by hand and is not checked against a database of advisories: it is a floor, not a watch.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

TOP = Path(__file__).parents[2]
LOCKS = sorted(TOP.glob("requirements*.lock"))


@dataclass(frozen=True, slots=True)
class Floor:
    """The first version without the hole."""

    package: str
    minimum: Version
    advisory: str


def floors() -> list[Floor]:
    """The committed table."""
    with (Path(__file__).parent / "advisories.csv").open(encoding="utf-8") as file:
        return [Floor(row["package"], Version(row["minimum"]), row["advisory"]) for row in csv.DictReader(file)]


def locked(text: str) -> dict[str, Version]:
    """Name -> version of a lock's pins."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def below(pins: dict[str, Version], table: list[Floor]) -> list[str]:
    """What stands too low."""
    return [
        f"{floor.package} {pins[floor.package]} is below {floor.minimum} ({floor.advisory})"
        for floor in table
        if floor.package in pins and pins[floor.package] < floor.minimum
    ]


def test_no_lock_holds_a_version_below_its_floor() -> None:
    assert len(LOCKS) == 6
    table, everything = floors(), dict[str, Version]()
    for path in LOCKS:
        pins = locked(path.read_text(encoding="utf-8"))
        assert pins, path.name
        assert below(pins, table) == [], path.name
        everything |= pins
    audited = [floor.package for floor in table if floor.package in everything]
    print(f"{len(audited)} of {len(everything)} locked packages have a floor and keep it")
    assert audited == [floor.package for floor in table], "a row that audits nothing"
    assert len(audited) == len(set(audited)) >= 25


def test_a_low_pin_is_found() -> None:
    pins = locked("pyyaml==5.3 \\\n    --hash=sha256:0\nPillow==9.0.0 \\\nnumpy==2.4.6\n")
    told = below(pins, floors())
    assert [line.split()[0] for line in told] == ["pillow", "pyyaml"]
    assert "CVE-2020-14343" in told[1]
