"""Debian's documentation, set in columns by style sheets of several designs."""

from __future__ import annotations

from html import escape

from hard_set.classes import Half
from hard_set.words import Random, chance, integer, pick
from layout_set.debian_texts import DebianLanguage, some_parts
from layout_set.looks import any_family
from layout_set.sheet import Sheet, block, document
from layout_set.texts import width_of
from layout_set.truth import Part

_BASE = """
.h1, .h2, .h3 { font-weight: bold; line-height: 1.25; break-after: avoid; break-inside: avoid; }
.h1 { font-size: 1.5em; margin: 0.7em 0 0.5em; } .h2 { font-size: 1.25em; margin: 0.8em 0 0.4em; }
.h3 { font-size: 1.06em; margin: 0.7em 0 0.35em; }
pre { font: 0.86em/1.35 'DejaVu Sans Mono', monospace; white-space: pre-wrap; margin: 0.6em 0; }
.item { padding-left: 1.5em; text-indent: -1.5em; margin-bottom: 0.4em; }
.masthead { font-size: 1.9em; font-weight: bold; line-height: 1.25; margin-bottom: 0.8em; }
.runner { font-size: 0.78em; display: flex; justify-content: space-between; margin-bottom: 2em; }
.folio { font-size: 0.8em; margin-top: 1.5em; text-align: center; }
"""
_DESIGNS = {
    "article": (
        ".body { text-align: justify; text-indent: 1.6em; } .masthead { text-align: center; }"
    ),
    "manual": (
        ".body { margin-bottom: 0.8em; } .h1, .h2 { border-bottom: 1px solid #333; }"
        "pre { background: #eee; border-left: 4px solid #999; padding: 0.5em; }"
    ),
    "newsletter": (
        "#columns { column-rule: 1px solid #444; } .body { text-align: justify;"
        " margin-bottom: 0.7em; } .h1, .h2 { color: #8a1538; } .masthead { border-top: 5px solid"
        " #8a1538; padding-top: 0.3em; }"
    ),
    "handbook": (
        ".h1, .h2, .h3 { text-align: center; } .body { text-align: justify; text-indent: 2em; }"
        "pre { border: 1px solid #555; padding: 0.5em; } .runner { border-bottom: 1px solid #222; }"
    ),
    "bulletin": (
        ".masthead { background: #1d3557; color: #fff; padding: 0.4em 0.6em; }"
        ".body { margin-bottom: 0.75em; } .h2 { background: #dfe7ef; padding: 0.15em 0.3em; }"
    ),
    "proceedings": (
        ".body { text-align: justify; text-indent: 1.2em; } .h2, .h3 { font-style: italic; }"
        ".abstract { column-span: all; margin: 0 6em 1.6em; font-size: 0.94em; text-indent: 0; }"
    ),
}


def draw_debian(random: Random, number: int, columns: int, half: Half) -> Sheet:
    """A page of Debian's documentation in this many columns."""
    language: DebianLanguage = "zh" if number % 2 else "en"
    design = list(_DESIGNS)[number // 2 % len(_DESIGNS)]
    size = int(random.integers(16, 22 if columns < 3 else 19))
    leading = float(random.uniform(1.3, 1.5) if language == "en" else random.uniform(1.45, 1.75))
    width = int(random.integers(1100, 1400)) + 120 * (columns - 1)
    height = int(width * float(random.uniform(1.2, 1.42)))
    margin = int(random.integers(65, 130))
    gutter = size * float(random.uniform(1.4, 2.6))
    text_height = height - 2 * margin - 8 * size * leading
    room = (width - 2 * margin) * text_height / (size * size * leading * width_of(language))
    parts = some_parts(random, language, half, int(room * 1.1))
    shown = [_shown(part) for part in parts]
    if design == "proceedings" and columns > 1:
        first = next((place for place, part in enumerate(parts) if part.type == "text"), None)
        if first is not None:
            shown.insert(0, block("text", parts[first].text, "p", "abstract"))
            del shown[first + 1]
    head = next((part.text for part in parts if part.type == "title"), "Debian")
    runner = "".join(block("header", each, "span") for each in ("Debian", integer(random, 3)))
    body = (
        f'<div id="page"><div class="runner" data-row>{runner}</div>'
        f"{block('title', head[:60], 'div', 'masthead')}"
        f'<div id="columns" data-clip>{"".join(shown)}</div>'
        f"{block('footer', integer(random, 3), 'p', 'folio')}</div>"
    )
    fill = pick(random, ("auto", "auto", "balance"))
    css = (
        f"{_BASE}{_DESIGNS[design]} body {{ font: {size}px/{leading:.2f}"
        f" {any_family(random, 'both')}; }} #page {{ padding: {margin}px; }}"
        f"#columns {{ columns: {columns}; column-gap: {gutter:.0f}px; overflow: hidden;"
        f" height: {text_height:.0f}px; column-fill: {fill}; }}"
    )
    if chance(random, 0.3):
        css += ".runner, .folio { display: none; }"
    return Sheet(document(body, css, language), width, height)


def _shown(part: Part) -> str:
    if part.type == "title":
        return block("title", part.text, "div", f"h{part.level}")
    if part.type == "code":
        return f'<pre data-block="code">{escape(part.text)}</pre>'
    indent = f"margin-left: {1.5 * (part.level - (part.type == 'list')):.1f}em"
    css_class = "item" if part.type == "list" else "body"
    return block(part.type, part.text, "p", css_class, indent if part.level else "")
