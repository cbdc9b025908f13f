"""docs/configuration.md states each setting with the default and the range that the code has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.intake.request_fields import OPTION_FIELDS, RENDERING_FIELDS
from server.settings.constraints import (
    Choice,
    Constraint,
    FalseOnly,
    Flag,
    ImageShape,
    Nullable,
    Number,
    PathList,
    Schema,
    Text,
    WholeNumber,
)
from server.settings.settings import Settings, all_keys, public_fields

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
HEADER = re.compile(r"\| key \| default \| (unit and )?range \| meaning \|")
PIPELINE = "ocr.predict_system."
EXPONENTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Row:
    """A row of a table of settings; starred: a request may override it."""

    key: str
    starred: bool
    default: str
    range: str


def rows(page: str) -> Iterator[Row]:
    """The rows of all tables of settings."""
    in_table = False
    for line in page.splitlines():
        in_table = bool(HEADER.fullmatch(line)) or (in_table and line.startswith("|"))
        if in_table and (found := re.match(r"\| `([^`]+)`( \*)? \| (.*?) \| (.*?) \| .", line)):
            yield Row(found[1], bool(found[2]), found[3], found[4])


def the_setting(key: str) -> tuple[Constraint, Any]:
    """The constraint and the default of a setting."""
    kind: Any = Settings
    *sections, name = key.split(".")
    for section in sections:
        kind = {entry.name: entry for entry in public_fields(kind)}[section].default_factory
    entry = {entry.name: entry for entry in public_fields(kind)}[name]
    return entry.metadata["constraint"], entry.default


def stated_range(schema: Schema) -> str:
    """The range of values as the page states it, after an optional unit; empty if any is good."""
    if "anyOf" in schema:  # a flag, or null
        return stated_range(schema["anyOf"][0])
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "minimum" in schema:
        return f"{_number(schema['minimum'])} to {_number(schema['maximum'])}"
    if "prefixItems" in schema:
        return " x ".join(stated_range(s) for s in schema["prefixItems"] if "minimum" in s)
    return {"boolean": "true, false", "array": "list of "}.get(schema["type"], "")


def _number(value: float) -> str:
    text = f"{value:.15g}"
    is_long_power = re.fullmatch("10{4,}", text)
    return f"10{str(len(text) - 1).translate(EXPONENTS)}" if is_long_power else text


def problem(row: Row, constraint: Constraint, default: Any) -> str:
    """What is wrong with the row, or an empty string."""
    documented = json.loads(row.default.strip("`"))
    if documented != default and constraint(documented) != default:
        return f"{row.key}: the default is {default!r}, not {row.default}"
    stated = stated_range(constraint.schema())
    if stated.endswith(" ") or not stated:
        good = bool(row.range) and row.range.startswith(stated)
    else:
        good = row.range == stated or row.range.endswith((f", {stated}", f"; {stated}"))
    return "" if good else f"{row.key}: the range is {stated!r}, after a unit; not {row.range!r}"


ROWS = {row.key: row for row in rows(PAGE.read_text(encoding="utf-8"))}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = [row.key for row in rows(PAGE.read_text(encoding="utf-8"))]
    assert sorted(documented) == sorted(all_keys())


@pytest.mark.parametrize("key", all_keys())
def test_the_documented_default_and_range_are_those_of_the_code(key: str) -> None:
    assert key in ROWS, f"docs/configuration.md has no row for {key}"
    assert problem(ROWS[key], *the_setting(key)) == ""


@pytest.mark.parametrize("key", all_keys())
def test_a_star_marks_the_settings_that_a_request_may_override(key: str) -> None:
    asked = {**OPTION_FIELDS, **RENDERING_FIELDS}
    assert ROWS[key].starred == (key.removeprefix(PIPELINE) in asked)


@pytest.mark.parametrize(
    ("constraint", "default", "documented"),
    [
        (WholeNumber(0, 65535), 80, ("80", "0 to 65535")),
        (Number(0.001, 10**6), 80.0, ("80", "MiB, 0.001 to 10⁶")),
        (Flag(), True, ("true", "true, false")),
        (Choice("a", "b"), "a", ('`"a"`', "`a`, `b`")),
        (FalseOnly("no GPU"), False, ("false", "false")),
        (Nullable(Text()), None, ("null", "a name")),
        (PathList(), (Path("imgs"),), ('`["./imgs"]`', "list of folders")),
        (Nullable(ImageShape()), None, ("null", "`[3, h, w]`; 8 to 1024 x 8 to 4096")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_rows_that_are_right(constraint: Constraint, default: Any, documented: Any) -> None:
    assert problem(Row("a.b", False, *documented), constraint, default) == ""


@pytest.mark.parametrize(
    ("constraint", "default", "documented", "mention"),
    [
        (WholeNumber(0, 65535), 80, ("81", "0 to 65535"), "default is 80"),
        (WholeNumber(0, 65535), 80, ("80", "0 to 65536"), "0 to 65535"),
        (WholeNumber(0, 65535), 80, ("80", "10 to 65535"), "0 to 65535"),
        (Choice("a", "b"), "a", ('`"a"`', "`a`"), "`a`, `b`"),
        (PathList(), (), ("`[]`", "folders"), "list of "),
        (Nullable(Text()), None, ("null", ""), "range"),
    ],
)
def test_rows_that_are_wrong(
    constraint: Constraint, default: Any, documented: Any, mention: str
) -> None:
    assert mention in problem(Row("a.b", False, *documented), constraint, default)


def test_a_row_outside_of_the_tables_of_settings_does_not_count() -> None:
    table = (
        "| key | default | range | meaning |\n| --- | --- | --- | --- |\n| `a.b` * | 1 | r | m |"
    )
    assert list(rows(f"{table}\n\n| `c.d` | 2 | r | m |")) == [Row("a.b", True, "1", "r")]
