"""Every row of docs/reliability.md has a test, and every fault test has a row.

A test names its row with pytest.mark.faults(row).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROWS = [*range(1, 129)]


def documented_rows() -> list[int]:
    """The row numbers in the tables of faults."""
    page = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    faults = page.partition("## What the long runs found")[0]
    return [int(number) for number in re.findall(r"^\| (\d+) \|", faults, re.MULTILINE)]


def marked_rows() -> set[int]:
    """The rows that the marker faults(row) names, on a test or its module."""
    rows = set()
    for path in TESTS.rglob("test_*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        tests = [each for each in body if isinstance(each, ast.FunctionDef)]
        assigned = [each for each in body if isinstance(each, ast.Assign)]
        shared = [each.value for each in assigned if ast.unparse(each.targets[0]) == "pytestmark"]
        for test in tests:
            if test.name.startswith("test_"):
                for mark in [*shared, *test.decorator_list]:
                    rows |= set(fault_rows(mark))
    return rows


def fault_rows(expression: ast.expr) -> Iterator[int]:
    """The row in pytest.mark.faults(row), wherever it is in the expression."""
    for call in ast.walk(expression):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.faults":
            yield from (int(ast.literal_eval(argument)) for argument in call.args)


def test_every_fault_has_one_row() -> None:
    assert sorted(documented_rows()) == ROWS


def test_every_row_has_a_test() -> None:
    assert sorted(marked_rows()) == ROWS
