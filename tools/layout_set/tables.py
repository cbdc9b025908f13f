"""Pages with a table between paragraphs."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from hard_set.words import Random, amount, chance, date, integer, pick
from layout_set.looks import any_look
from layout_set.sheet import Sheet, block, document
from layout_set.texts import LANGUAGES, Language, paragraph, term, title

_CSS = """
#page { padding: 60px; }
h1 { font-size: 1.5em; font-weight: bold; margin-bottom: 0.8em; }
.caption { font-size: 0.9em; text-align: center; margin: 0.4em 0 0.5em; text-indent: 0; }
table { margin: 0.6em auto 1.4em; }
td { padding: 0.25em 0.7em; line-height: 1.3; }
.head td { font-weight: bold; }
"""


def draw_ruled_table(random: Random, number: int) -> Sheet:
    """A table with a rule around every cell; some cells span rows or columns."""
    border = f"{int(random.integers(1, 4))}px solid {pick(random, ('#000', '#444', '#888'))}"
    css = f"td {{ border: {border}; }}"
    if chance(random, 0.4):
        css += ".head td { background: #e4e4e8; }"
    return _page(random, number, css, _ruled_rows)


def draw_unruled_table(random: Random, number: int) -> Sheet:
    """A table without rules, or with only some below its head and at its ends."""
    css = (
        f"td {{ padding: 0.25em {float(random.uniform(0.9, 1.6)):.2f}em; white-space: nowrap;"
        " vertical-align: top; } .long { white-space: normal; width: 15em; }"
    )
    if chance(random, 0.4):
        css += (
            "table { border-top: 2px solid #222; border-bottom: 2px solid #222; }"
            ".last { border-bottom: 1px solid #222; }"
        )
    return _page(random, number, css, _unruled_rows)


Rows = Callable[[Random, Language], str]


def _page(random: Random, number: int, css: str, rows: Rows) -> Sheet:
    language = LANGUAGES[number % len(LANGUAGES)]
    look = any_look(random, language, 17, 23)
    parts = [block("title", title(random, language), "h1")]
    for place in range(int(random.integers(1, 3))):
        parts.append(block("text", paragraph(random, language, int(random.integers(60, 220)))))
        if chance(random, 0.5):
            name = "Table" if language == "en" else "表"
            text = f"{name} {place + 1}. {title(random, language)}"
            parts.append(block("caption", text, "p", "caption"))
        parts.append(f"<table>{rows(random, language)}</table>")
    parts.append(block("text", paragraph(random, language, int(random.integers(60, 220)))))
    body = f'<div id="page">{"".join(parts)}</div>'
    alignment = f"td + td {{ text-align: {pick(random, ('left', 'right', 'center'))}; }}"
    width = int(random.integers(1000, 1300))
    return Sheet(document(body, look.css() + _CSS + css + alignment, language), width)


def _ruled_rows(random: Random, language: Language) -> str:
    columns, rows = int(random.integers(3, 7)), int(random.integers(4, 11))
    kinds = [_kind(random) for _ in range(columns)]
    texts = [[_text(random, language, kind) for kind in kinds] for _ in range(rows)]
    if chance(random, 0.4):
        for row in texts:
            row[-1] = paragraph(random, language, int(random.integers(8, 40)))
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for _ in range(int(random.integers(0, 4))):
        _span(random, spans, rows, columns)
    parts = [_head(random, language, columns, chance(random, 0.4))]
    for y, row in enumerate(texts):
        cells = [_cell(text, *spans.get((y, x), (1, 1))) for x, text in enumerate(row)]
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(parts)


def _unruled_rows(random: Random, language: Language) -> str:
    columns, rows = int(random.integers(3, 6)), int(random.integers(5, 15))
    kinds = ["term", *(_kind(random) for _ in range(columns - 1))]
    parts = [_head(random, language, columns, chance(random, 0.3))]
    long = chance(random, 0.2)
    for _ in range(rows):
        cells = [_cell(_text(random, language, kind)) for kind in kinds]
        if long:
            text = paragraph(random, language, int(random.integers(4, 30)))
            cells[-1] = _cell(text, css_class="long")
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(parts)


def draw_tables_in_columns(random: Random, number: int) -> Sheet:
    """Two columns of text, with a ruled or an unruled table in one of them and one across both."""
    language = LANGUAGES[number % len(LANGUAGES)]
    look = any_look(random, language, 16, 20)
    ruled = number // len(LANGUAGES) % 2 == 0
    width, size = int(random.integers(1250, 1450)), look.size
    lines = look.capacity((width - 120) / 2, look.leading * size)

    def text(count: int) -> str:
        paragraphs = [
            block("text", paragraph(random, language, lines * int(random.integers(3, 7))))
            for _ in range(count)
        ]
        return "".join(paragraphs)

    small = _rows(random, language, 3, int(random.integers(4, 8)))
    wide = _rows(random, language, int(random.integers(5, 7)), int(random.integers(4, 9)))
    name = "Table" if language == "en" else "表"
    caption = block("caption", f"{name} 2. {title(random, language)}", "p", "caption")
    body = (
        f'<div id="page">{block("title", title(random, language), "h1")}'
        f'<div class="columns">{text(2)}<table>{small}</table>{text(3)}</div>'
        f'{caption}<table>{wide}</table><div class="columns">{text(4)}</div></div>'
    )
    css = (
        f".columns {{ columns: 2; column-gap: {size * float(random.uniform(1.6, 2.6)):.0f}px; }}"
        "table { break-inside: avoid; } td { white-space: nowrap; padding: 0.25em 0.5em; }"
    )
    css += "td { border: 1px solid #222; }" if ruled else "table + .columns { margin-top: 1em; }"
    return Sheet(document(body, look.css() + _CSS + css, language), width)


def _rows(random: Random, language: Language, columns: int, rows: int) -> str:
    """A row of headings, and rows of short cells."""
    kinds = ["term", *(pick(random, ("amount", "integer")) for _ in range(columns - 1))]
    parts = [_head(random, language, columns, False)]
    for _ in range(rows):
        cells = "".join(_cell(_text(random, language, kind)) for kind in kinds)
        parts.append(f"<tr>{cells}</tr>")
    return "".join(parts)


def _head(random: Random, language: Language, columns: int, grouped: bool) -> str:
    """The row of the headings, below one of headings of groups of columns."""
    if not grouped or columns < 3:
        cells = [_cell(term(random, language)) for _ in range(columns)]
        return f'<tr class="head last">{"".join(cells)}</tr>'
    first = int(random.integers(2, columns)) if columns > 3 else 2
    groups = [_cell(term(random, language), 2), _cell(term(random, language), 1, first)]
    if columns - 1 - first:
        groups.append(_cell(term(random, language), 1, columns - 1 - first))
    below = "".join(_cell(term(random, language)) for _ in range(columns - 1))
    top = "".join(groups)
    return f'<tr class="head">{top}</tr><tr class="head last">{below}</tr>'


def _span(
    random: Random, spans: dict[tuple[int, int], tuple[int, int]], rows: int, columns: int
) -> None:
    """Add a cell over several rows or columns if there is room; 0, 0 for those that it covers."""
    y, x = int(random.integers(rows)), int(random.integers(columns))
    down, across = (int(random.integers(2, 4)), 1) if chance(random, 0.6) else (1, 2)
    covered = [(y + dy, x + dx) for dy in range(down) for dx in range(across)]
    if y + down > rows or x + across > columns or any(place in spans for place in covered):
        return
    spans.update(dict.fromkeys(covered, (0, 0)))
    spans[y, x] = down, across


def _cell(text: str, rows: int = 1, columns: int = 1, css_class: str = "") -> str:
    if not rows:
        return ""
    span = f' class="{css_class}"' if css_class else ""
    span += f' rowspan="{rows}"' if rows > 1 else ""
    span += f' colspan="{columns}"' if columns > 1 else ""
    return f'<td data-block="cell"{span}>{escape(text)}</td>'


def _kind(random: Random) -> str:
    return pick(random, ("term", "amount", "amount", "integer", "date"))


def _text(random: Random, language: Language, kind: str) -> str:
    """The text of a cell; sometimes none."""
    if kind == "term":
        return term(random, language)
    if chance(random, 0.04):
        return ""
    if kind == "date":
        return date(random)
    return amount(random, 5) if kind == "amount" else integer(random, 5)
