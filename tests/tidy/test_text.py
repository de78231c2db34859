"""House rules that can be read off the text: length, layout, docstrings, nothing unfinished, nothing of one machine."""

from __future__ import annotations

import ast
import re
import statistics
from collections import Counter

from tests.tidy.tracked import CODE_FOLDERS, python_files, text_of, tracked_files

LINES_MAX = 300
LINES_MEDIAN_MAX = 100
DOCSTRING_LINES_MAX = 15

TOP_LEVEL = re.compile(
    r"pyproject\.toml|README\.md|sim|conf|experiments|plugins|tests|results|Makefile|LICENSE|NOTICE|CHANGELOG\.md"
    r"|CITATION\.cff|.*lock.*|requirements.*\.txt|\..*"
)

# Put together here so that this file does not trip over itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error"]) + r")\b")
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.])/(?:work|root|farm|home/\w+|opt/pypi\S*)/")
REGISTRY_HOST = re.compile("|".join(["py" + r"pi\.org", "python" + r"hosted\.org"]))


def _hits(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked_files():
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            match = pattern.search(line)
            if match:
                found.append(f"{path}:{number}: {match.group().strip()}")
    return found


def test_no_file_is_too_long() -> None:
    lengths = {path: len((text_of(path) or "").splitlines()) for path in python_files(*CODE_FOLDERS, "tests")}
    too_long = [f"{path}: {lines}" for path, lines in lengths.items() if lines > LINES_MAX]
    assert not too_long, f"over {LINES_MAX} lines: {too_long}"
    code = [lines for path, lines in lengths.items() if path.parts[0] in CODE_FOLDERS and path.name != "__init__.py"]
    median = statistics.median(code)
    print(f"{len(code)} files, {sum(code)} lines, median {median}")
    assert median < LINES_MEDIAN_MAX


def test_nothing_is_unfinished() -> None:
    assert _hits(UNFINISHED) == []


def test_no_text_names_a_machine_or_a_registry() -> None:
    assert _hits(MACHINE_PATH) == []
    assert _hits(REGISTRY_HOST) == []


def test_the_top_level_is_the_agreed_one() -> None:
    names = {path.parts[0] for path in tracked_files()}
    assert sorted(name for name in names if not TOP_LEVEL.fullmatch(name)) == []


def test_test_file_names_are_unique() -> None:
    counts = Counter(path.name for path in python_files("tests") if path.name.startswith("test_"))
    assert sorted(name for name, count in counts.items() if count > 1) == []


def test_every_module_says_what_it_is_for() -> None:
    problems = []
    for path in python_files(*CODE_FOLDERS, "tests"):
        docstring = ast.get_docstring(ast.parse(text_of(path) or ""))
        if not docstring:
            problems.append(f"{path}: no docstring")
        elif path.parts[0] in CODE_FOLDERS and len(docstring.splitlines()) > DOCSTRING_LINES_MAX:
            problems.append(f"{path}: a docstring of {len(docstring.splitlines())} lines")
    assert problems == []


def test_no_test_waits_for_the_wall_clock() -> None:
    problems = []
    for path in python_files("tests"):
        for node in ast.walk(ast.parse(text_of(path) or "")):
            waits = isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep", "asyncio.sleep"}
            if waits and not ast.unparse(node).endswith(".sleep(0)"):  # sleep(0) yields and does not wait
                problems.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert problems == []
