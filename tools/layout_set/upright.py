"""Text in vertical columns from the right, alone or with horizontal text."""

from __future__ import annotations

from hard_set.words import Random, chance
from layout_set.looks import upright_family
from layout_set.sheet import Sheet, block, document
from layout_set.texts import Language, paragraph, title, upright_paragraph

_CSS = """
#page { padding: 70px; }
.vertical { writing-mode: vertical-rl; overflow: hidden; }
.vertical .title { font-size: 1.6em; margin-left: 0.9em; line-height: 1.3; }
.across { font-size: 1.7em; text-align: center; margin-bottom: 1em; line-height: 1.3; }
.horizontal { margin: 1.6em 0 0; line-height: 1.5; }
"""


def draw_vertical(random: Random, number: int, language: Language) -> Sheet:
    """A page of vertical columns, from the right, in one or two registers."""
    registers = 2 if number % 3 == 2 else 1
    head = block("title", title(random, language, 8), "h1", "title") if chance(random, 0.6) else ""
    return _sheet(random, language, registers, head, "", "")


def draw_mixed(random: Random, number: int) -> Sheet:
    """Vertical columns below a horizontal title, often above a horizontal paragraph."""
    language: Language = "ja" if number % 2 else "zh"
    above = block("title", title(random, language, 12), "h1", "across")
    if number % 3 == 1:
        above += block("text", paragraph(random, language, 120), "p", "horizontal") + "<br>"
    below = ""
    if number % 3:
        for _ in range(int(random.integers(1, 3))):
            below += block("text", paragraph(random, language, 110), "p", "horizontal")
    return _sheet(random, language, 1, "", above, below)


def _sheet(
    random: Random, language: Language, registers: int, head: str, above: str, below: str
) -> Sheet:
    size = int(random.integers(22, 32))
    leading = float(random.uniform(1.5, 2.1))
    width = int(random.integers(900, 1300))
    height = int(random.integers(650, 1000))
    room = (width - 140) * height / (size * size * leading)
    share = 1.2 if chance(random, 0.4) else float(random.uniform(0.6, 0.9))
    text, written = head, 0
    while written < room * share:
        length = int(random.uniform(1.5, 6) * height / registers / size)
        text += block("text", upright_paragraph(random, language, length))
        written += length
    css = (
        f"{_CSS} body {{ font: {size}px/{leading:.2f} {upright_family(random, language)}; }}"
        f".vertical {{ width: {width - 140}px; height: {height}px; columns: {registers};"
        f" column-gap: {2 * size}px; }}"
        ".vertical p { text-indent: 2em; }"
    )
    body = f'<div id="page">{above}<div class="vertical" data-clip>{text}</div>{below}</div>'
    return Sheet(document(body, css, language), width)
