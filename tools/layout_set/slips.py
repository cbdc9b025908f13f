"""Receipts and forms: short texts in rows."""

from __future__ import annotations

from hard_set.words import Random, amount, chance, clock, code, date, integer, person
from layout_set.looks import any_look
from layout_set.sheet import Sheet, block, document
from layout_set.texts import LANGUAGES, Language, paragraph, term, title
from layout_set.truth import TrueType

_CSS = """
#page { padding: 36px; }
.row { display: flex; justify-content: space-between; gap: 1em; }
.row > span { white-space: nowrap; }
.centred { text-align: center; }
.rule { border-top: 1px dashed #444; margin: 0.6em 0; }
.field { margin-bottom: 0.9em; white-space: nowrap; }
"""


def draw_receipt(random: Random, number: int) -> Sheet:
    """A shop's name and address, goods with prices, totals."""
    language = LANGUAGES[number % len(LANGUAGES)]
    look = any_look(random, language, 18, 26)
    parts = [block("title", title(random, language, 9), "h1", "centred", "font-size: 1.4em")]
    for _ in range(int(random.integers(1, 4))):
        parts.append(_line(random, language))
    columns = int(random.integers(2, 5))
    parts += ['<div class="rule"></div>', _heads(language, columns)]
    two_lines = columns == 2 and chance(random, 0.4)
    for _ in range(int(random.integers(6, 18))):
        name = term(random, language)
        price, count = amount(random, 3), integer(random, 1)
        if two_lines:
            parts.append(_row([name, ""], columns))
            parts.append(_row([f"{count} x {price}", amount(random, 3)], columns))
        else:
            cells = [name, count, price, amount(random, 4)]
            parts.append(_row([cells[0], *cells[5 - columns :]], columns))
    parts.append('<div class="rule"></div>')
    names = ("Subtotal", "Tax", "TOTAL", "Cash", "Change")
    if language != "en":
        names = ("小计", "税额", "合计", "现金", "找零")
    for name in names[int(random.integers(0, 2)) :]:
        parts.append(_row([name, amount(random, 4)], 2))
    parts.append('<div class="rule"></div>')
    parts += [_line(random, language) for _ in range(2)]
    width = look.size * int(random.integers(23, 32)) + 72
    css = look.css() + _CSS + "p { text-indent: 0; margin: 0 }"
    return Sheet(document(f'<div id="page">{"".join(parts)}</div>', css, language), width)


def draw_form(random: Random, number: int) -> Sheet:
    """Labels with values in one to three columns, which are read row by row."""
    language = LANGUAGES[number % len(LANGUAGES)]
    look = any_look(random, language, 18, 24)
    columns = 1 + number // len(LANGUAGES) % 3
    parts = [
        block("title", title(random, language, 12), "h1", "centred", "font-size: 1.5em"),
        "<br>",
    ]
    for _ in range(int(random.integers(8, 15))):
        fields = [_field(random, language) for _ in range(columns)]
        cells = "".join(f"<span>{block('row', each, 'span')}</span>" for each in fields)
        parts.append(f'<div class="grid field" data-row>{cells}</div>')
        if chance(random, 0.12):
            text = paragraph(random, language, 60)
            parts.append(block("text", text, style="margin: 0.8em 0; text-indent: 0"))
    width = 72 + columns * look.size * int(random.integers(19, 25))
    grid = f".grid {{ display: grid; grid-template-columns: repeat({columns}, 1fr); }}"
    css = look.css() + _CSS + grid
    return Sheet(document(f'<div id="page">{"".join(parts)}</div>', css, language), width)


def _row(texts: list[str], columns: int) -> str:
    """Cells of a row, the first one at the left, the others right-aligned in columns."""
    type_: TrueType = "row"
    share = 100 / (columns + 1)
    spans = [block(type_, texts[0], "span", "", "flex: 1")]
    for text in texts[1:]:
        spans.append(block(type_, text, "span", "", f"width: {share:.0f}%; text-align: right"))
    return f'<div class="row" data-row>{"".join(spans)}</div>'


def _heads(language: Language, columns: int) -> str:
    names = (
        ["Item", "Qty", "Price", "Sum"] if language == "en" else ["品名", "数量", "单价", "金额"]
    )
    return _row([names[0], *names[5 - columns :]], columns)


def _line(random: Random, language: Language) -> str:
    """An address, a number or a time, in the middle."""
    kind = random.random()
    text = f"{date(random)} {clock(random)}" if kind < 0.4 else title(random, language, 12)
    text = f"No. {code(random, 10)}" if kind > 0.8 else text
    return block("loose", text, "p", "centred", "text-align: center")


def _field(random: Random, language: Language) -> str:
    label = term(random, language)
    kind = random.random()
    value = person(random) if kind < 0.3 else term(random, language)
    value = date(random) if 0.3 <= kind < 0.5 else value
    value = code(random, 8) if kind >= 0.85 else value
    colon = ": " if language == "en" or chance(random, 0.2) else "："
    return f"{label}{colon}{value[:12]}"
