"""docs/reliability.md names every test of every fault, and every fault has one."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROWS = range(1, 53)


def documented() -> dict[int, set[str]]:
    """The tests of each row, as the table has them."""
    rows = {}
    for line in (TESTS.parent / "docs" / "reliability.md").read_text().splitlines():
        if found := re.match(r"\| (\d+) \|", line):
            rows[int(found[1])] = set(re.findall(r"`(test_\w+)`", line))
    return rows


def marked() -> dict[int, set[str]]:
    """The tests of each row, by the marker faults(row) on the test or its module."""
    rows = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        body = ast.parse(path.read_text()).body
        assigned = [each for each in body if isinstance(each, ast.Assign)]
        shared = [each.value for each in assigned if ast.unparse(each.targets[0]) == "pytestmark"]
        for test in body:
            if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                for mark in [*shared, *test.decorator_list]:
                    for row in fault_rows(mark):
                        rows[row].add(test.name)
    return dict(rows)


def fault_rows(expression: ast.expr) -> Iterator[int]:
    """The row in pytest.mark.faults(row), wherever it is in the expression."""
    for call in ast.walk(expression):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.faults":
            yield from (int(ast.literal_eval(argument)) for argument in call.args)


def test_every_row_has_a_test() -> None:
    assert sorted(marked()) == list(ROWS)


def test_the_table_names_the_tests() -> None:
    assert documented() == marked()
