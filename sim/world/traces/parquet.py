"""A Parquet file as a request trace, by pyarrow (the extra `parquet`): columns are found as those of a CSV.

Only the columns that a trace is read from are taken, batch by batch. Timestamps become ISO 8601 text (with a zone where
the file has one, else UTC is meant), whole numbers and floats stay what they are. A row without an instant is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sim.errors import ConfigError, InputError
from sim.world.params import ColumnParams
from sim.world.traces import header

BATCH_ROWS = 65_536
INSTALL = "pip install 'victor-sim[parquet]'"
EXTRA = f"pyarrow, which comes with `{INSTALL}`"


def table(path: str, columns: ColumnParams) -> tuple[list[str], Iterator[list[Any]]]:
    """Names of the columns that are read, and the rows (None where a cell is empty).

    Raises `ConfigError` where pyarrow is absent or a named column is not there, `InputError` for a broken file.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError("arrivals.path", path, f"a CSV or an access log; Parquet needs {EXTRA}", INSTALL) from None
    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(path, None, None, f"no Parquet file ({str(error).splitlines()[0]})") from None
    names = [str(name) for name in file.schema_arrow.names]
    found = header.find(path, names, columns)
    wanted = [names[index] for index in sorted(set(found.values()))]
    return wanted, _rows(path, file, wanted)


def _rows(path: str, file: Any, wanted: list[str]) -> Iterator[list[Any]]:
    import pyarrow

    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
            values = [_plain(batch.column(name)) for name in wanted]
            yield from (list(row) for row in zip(*values, strict=True))
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(path, None, None, f"broken Parquet ({str(error).splitlines()[0]})") from None


def _plain(column: Any) -> list[Any]:
    import pyarrow

    kind = column.type
    if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
        column = column.cast(pyarrow.timestamp("ns", tz=getattr(kind, "tz", None))).cast(pyarrow.string())
    cells: list[Any] = column.to_pylist()
    return cells
