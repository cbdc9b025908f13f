"""The table of formats, and its documentation."""

from __future__ import annotations

import re
from pathlib import Path

from server.formats.registry import OUTPUT_FORMATS, join_names

DOCS = Path(__file__).parents[3] / "docs"


def test_the_docs_list_every_format_with_its_media_type() -> None:
    section = (DOCS / "api.md").read_text().partition("\n### Formats\n")[2].partition("\n### ")[0]
    documented = re.findall(r"^\| `(\w+)` \| `([\w/.+-]+)` \|", section, re.MULTILINE)
    rows = {name: row.media_type.partition(";")[0] for name, row in OUTPUT_FORMATS.items()}
    assert len(documented) == len(rows)
    assert dict(documented) == rows


def test_the_docs_list_every_ending_of_files() -> None:
    text = (DOCS / "command-line.md").read_text()
    endings = {row.suffix for row in OUTPUT_FORMATS.values() if row.suffix}
    assert len(endings) == sum(bool(row.suffix) for row in OUTPUT_FORMATS.values())
    assert all(f"{ending}`" in text for ending in endings)


def test_names_in_a_sentence() -> None:
    assert join_names(["a"]) == "a"
    assert join_names(["a", "b"]) == "a and b"
    assert join_names(["a", "b", "c"]) == "a, b and c"
