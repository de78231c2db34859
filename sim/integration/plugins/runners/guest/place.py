"""Where in a plugin's own files an error was raised, for whoever writes it: ` (file.py, line 7)`, or nothing."""

from __future__ import annotations


def place_of(error: BaseException, prefix: str = "") -> str:
    """The innermost line of a file whose name in tracebacks starts with `prefix` (and is no path, without one)."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(prefix) and (prefix or not file.startswith(("/", "<"))):
            found = f" ({file.removeprefix(prefix)}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return "" if isinstance(error, SyntaxError) else found  # which says it itself
