"""Markdown: titles, lists, paragraphs and tables, as CommonMark with the tables of GitHub.

The format: MacFarlane, "CommonMark Spec", version 0.31.2; "GitHub Flavored Markdown Spec", 0.29.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from ocr_engine.result import Block, Cell, Document
from server.formats.joining import joined
from server.formats.tables import cell_text, grid, has_spans, table_as_html, table_of

MAX_LEVEL = 6
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_INLINE = re.compile(r"[\\`*\[\]<~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_BLOCK_START = re.compile(r"([>#=]|[+-](?=\s|$|-)|(?P<number>\d{1,9})(?P<end>[.)])(?=\s|$))")
_TITLE_END = re.compile(r"(?<!\S)(?=#+$)")  # marks there would belong to the title's own
_ESCAPE = r"\\"
_BULLET = re.compile(r"(?:[•·●○◦▪▫■□◆◇‣⁃∙※*]|[-–—+](?=\s))\s*(?=\S)")
_NUMBER = re.compile(r"(\d{1,9})([.)])\s*(?=[^\s\d])")


def render_markdown(document: Document) -> str:
    """Write the document as Markdown; empty if it has no text."""
    return render_blocks(block for page in document.pages for block in page.blocks)


def render_blocks(blocks: Iterable[Block]) -> str:
    """Write blocks as Markdown; empty if they have no text."""
    parts = list(_parts(blocks))
    return "\n\n".join(parts) + "\n" if parts else ""


def _parts(blocks: Iterable[Block]) -> Iterator[str]:
    """The text of each block; consecutive items of a list are one part."""
    for kind, group in groupby(blocks, key=lambda block: block.type):
        if kind == "list":
            yield "\n".join(_items(group))
        else:
            yield from filter(None, map(_block, group))


def _block(block: Block) -> str:
    if block.table is not None:
        return table_as_html(block) if _needs_html(block) else _pipes(block)
    text = joined(line.text for line in block.lines)
    if block.type == "title":
        marks = "#" * min(max(block.level, 1), MAX_LEVEL)
        return f"{marks} {_TITLE_END.sub(_ESCAPE, _escaped(text))}" if text else ""
    return _paragraph(text)


def _items(blocks: Iterable[Block]) -> Iterator[str]:
    """The items of a list; a number that a reader of Markdown would change stays in the text."""
    due: tuple[int, str] | None = None
    for block in blocks:
        text = joined(line.text for line in block.lines)
        number = _NUMBER.match(text)
        if number is not None and (due is None or due == (int(number[1]), number[2])):
            due = int(number[1]) + 1, number[2]
            yield f"{number[1]}{number[2]} {_paragraph(text[number.end() :])}"
        else:
            due = None
            yield f"- {_paragraph(_BULLET.sub('', text, count=1))}"


def _needs_html(block: Block) -> bool:
    table = table_of(block)
    return table.heading_rows > 1 or has_spans(table)


def _pipes(block: Block) -> str:
    """A table whose first row becomes its heading, as there is no table without one."""
    first, *rest = [[_cell(block, cell) for cell in row] for row in grid(block)]
    rule = ["---"] * len(first)
    return "\n".join(f"| {' | '.join(row)} |" for row in (first, rule, *rest))


def _cell(block: Block, cell: Cell | None) -> str:
    return "" if cell is None else _escaped(cell_text(block, cell)).replace("|", r"\|")


def _paragraph(text: str) -> str:
    """Text that does not begin like a title, a list, a quotation or a rule."""
    escaped = _escaped(text)
    start = _BLOCK_START.match(escaped)
    if start is None:
        return escaped
    if start["number"]:
        return f"{start['number']}\\{start['end']}{escaped[start.end() :]}"
    return f"\\{escaped}"


def _escaped(text: str) -> str:
    """Text in which nothing is taken for markup."""
    return _INLINE.sub(r"\\\g<0>", _CONTROL.sub(" ", text).strip())
