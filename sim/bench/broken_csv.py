"""What a table that cannot be read as a CSV raises: bytes that are no UTF-8, quoting or line ends that the csv module
refuses. Without it a bent file ended in a traceback of `csv.Error` or `UnicodeDecodeError`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import InputError


@contextmanager
def refused_where_broken(path: Path) -> Iterator[None]:
    """Raises `InputError` naming the file for what the reader within cannot decode or split."""
    try:
        yield
    except UnicodeDecodeError:
        raise InputError(str(path), None, None, "not UTF-8 text; accepted is a CSV in UTF-8") from None
    except csv.Error as error:
        raise InputError(str(path), None, None, f"{error}; accepted is a CSV") from None
