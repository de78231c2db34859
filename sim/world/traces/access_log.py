"""A web server's access log as a request trace: the common and the combined log format of Apache httpd and nginx.

A line is `client ident user [day/month/year:time zone] "request" status bytes`, in the combined format "referer" and
"agent" behind it, and then whatever the server was told to add: `rt=0.123` has the name rt, what has none is extra1,
extra2, ... A duration is taken in seconds, or with `_ms` or `_us` behind its name in those; `rt` and `request_time` are
taken by themselves as the time to answer (the server's own queueing included).
Instants have whole seconds and their own zone. The n requests of one second are spread evenly over it, since all of
them at one instant would be bursts that nobody saw. A server writes a line when its request ends, so that lines are put
in order within the newest `REORDER_MAX`; one that comes later than that is left out, as is one that cannot be read.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from sim.errors import ConfigError
from sim.world.params import ColumnParams

REORDER_MAX = 100_000
EXTRAS_MAX = 16
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LINE = re.compile(
    r"(?P<client>\S+) (?P<ident>\S+) (?P<user>.*?) "
    r"\[(\d{2})/(\w{3})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-) (?P<bytes>\d+|-)(?: (?P<rest>.*))?'
).fullmatch
WORD = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[A-Za-z_][\w.]*)=(?P<value>"[^"]*"|\S+)|(?P<bare>\S+)')
UNITS = {"_us": 1e-6, "_ms": 1e-3}
DURATIONS = ("rt", "request_time")
ACCEPTED = 'client ident user [10/Oct/2000:13:55:36 -0700] "request" status bytes'
EPOCH_DAY = date(1970, 1, 1).toordinal()


class BadLine(ValueError):
    """What is wrong with a line."""


@dataclass(slots=True)
class Entry:
    """One line: whole seconds since 1970 (UTC), and its fields by name."""

    second: int
    fields: dict[str, str]


def parse(line: str) -> Entry:
    """Raises `BadLine` for what is no line of an access log."""
    match = LINE(line.rstrip("\r\n"))
    if match is None:
        raise BadLine(f"{line.strip()[:60]!r} is not accepted; accepted is {ACCEPTED}")
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()[3:12]
    try:
        days = date(int(year), MONTHS.index(month) + 1, int(day)).toordinal() - EPOCH_DAY
    except ValueError:
        raise BadLine(f"{day}/{month}/{year} is no day; accepted is one such as 10/Oct/2000") from None
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60 or int(zone_hours) > 14 or int(zone_minutes) > 59:
        raise BadLine(f"{hour}:{minute}:{second} {sign}{zone_hours}{zone_minutes} is no time of day with its zone")
    zone_s = (3_600 * int(zone_hours) + 60 * int(zone_minutes)) * (1 if sign == "+" else -1)
    instant = 86_400 * days + 3_600 * int(hour) + 60 * int(minute) + int(second) - zone_s
    method, _, path = match["request"].partition(" ")
    fields = {"client": match["client"], "user": match["user"], "status": match["status"], "bytes": match["bytes"]}
    fields |= {"method": method, "path": path.partition(" ")[0]}
    fields |= _rest(match["rest"] or "")
    return Entry(instant, fields)


def _rest(text: str) -> dict[str, str]:
    """Referer and agent where the first two are quoted, then names and extras."""
    found: dict[str, str] = {}
    quoted_first, extras = ["referer", "agent"], 0
    for word in WORD.finditer(text):
        if word["quoted"] is not None and quoted_first:
            found[quoted_first.pop(0)] = word["quoted"]
            continue
        quoted_first = []
        if word["name"] is not None:
            found[word["name"]] = word["value"].strip('"')
        elif extras < EXTRAS_MAX:
            extras += 1
            found[f"extra{extras}"] = word["bare"] if word["bare"] is not None else word["quoted"]
    return found


@dataclass(slots=True)
class Wanted:
    """Which field a column of the copy takes, and the factor that turns it into seconds (None: text)."""

    column: str
    field: str
    factor: float | None = None


@dataclass(slots=True)
class LogColumns:
    """Columns of the copy, from what was asked and what the first line holds."""

    found: list[Wanted] = field(default_factory=list)
    automatic: str = ""  # the field that was taken as a duration without being asked

    @property
    def names(self) -> list[str]:
        """The copy's header."""
        return ["time", *(one.column for one in self.found)]


def columns_of(first: Entry, asked: ColumnParams) -> LogColumns:
    """Raises `ConfigError` for a named column that the log has not."""
    columns = LogColumns([Wanted(asked.key or "client", asked.key or "client")])
    known = "time, " + ", ".join(first.fields)
    if asked.time not in (None, "time"):
        raise ConfigError("arrivals.columns.time", asked.time, "time, or left out (an access log)")
    for name in ("prompt_tokens", "output_tokens", "type", "key"):
        column = getattr(asked, name)
        if column is not None:
            if column not in first.fields:
                raise ConfigError(f"arrivals.columns.{name}", column, f"a field of the access log: {known}")
            columns.found += [] if name == "key" else [Wanted(column, column)]
    if asked.service_s is None:
        columns.automatic = next((name for name in DURATIONS if name in first.fields), "")
        if columns.automatic:
            columns.found.append(Wanted("service_s", columns.automatic, 1.0))
        return columns
    unit = next((end for end in UNITS if asked.service_s.endswith(end)), "")
    base = asked.service_s.removesuffix(unit) if unit else asked.service_s
    if asked.service_s in first.fields:
        columns.found.append(Wanted(asked.service_s, asked.service_s, 1.0))
    elif base in first.fields:
        columns.found.append(Wanted(asked.service_s, base, UNITS[unit]))
    else:
        accepted = f"a field of the access log in seconds, or with _ms or _us behind its name: {known}"
        raise ConfigError("arrivals.columns.service_s", asked.service_s, accepted)
    return columns


def cells_of(entry: Entry, columns: LogColumns) -> list[str]:
    """The copy's cells behind the time; raises `BadLine` where one is missing or no duration."""
    cells = []
    for wanted in columns.found:
        text = entry.fields.get(wanted.field, "")
        if not text or text == "-":
            raise BadLine(f"no {wanted.field}")
        if wanted.factor is not None:
            try:
                seconds = float(text) * wanted.factor
            except ValueError:
                seconds = -1.0
            if not 0.0 <= seconds < float("inf"):
                raise BadLine(f"{wanted.field} {text!r} is not accepted; accepted is a duration, 0 or more")
            text = f"{seconds:.9g}"
        cells.append(text)
    return cells


Row = tuple[int, int, list[str]]  # whole second, line, cells


def ordered(rows: Iterable[Row], late: list[int], reorder_max: int | None = None) -> Iterator[Row]:
    """The rows by second, then line; what comes after a later second has left goes to `late` as its line."""
    bound = REORDER_MAX if reorder_max is None else reorder_max
    heap: list[Row] = []
    last: int | None = None
    for row in rows:
        if last is not None and row[0] < last:
            late.append(row[1])
            continue
        heapq.heappush(heap, row)
        if len(heap) > bound:
            first = heapq.heappop(heap)
            last = first[0]
            yield first
    while heap:
        yield heapq.heappop(heap)


def spread(rows: Iterable[Row]) -> Iterator[list[str]]:
    """Time and cells: the n rows of a second at its (i + 1/2) / n, in microseconds."""
    held: list[Row] = []
    for row in rows:
        if held and row[0] != held[0][0]:
            yield from _second(held)
            held = []
        held.append(row)
    yield from _second(held)


def _second(held: list[Row]) -> Iterator[list[str]]:
    for place, (second, _, cells) in enumerate(held):
        yield [f"{second}.{(2 * place + 1) * 500_000 // len(held):06d}", *cells]
