"""Debian's documentation as OpenDocument texts in one to three columns."""

from __future__ import annotations

import re
from html import escape

from hard_set.classes import Half
from hard_set.words import Random, chance, pick
from layout_set.debian_texts import DebianLanguage, some_parts
from layout_set.looks import CHINESE, LATIN
from layout_set.sheet import OfficeSheet
from layout_set.truth import Part

_NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{value}:1.0"'
    for name, value in (
        ("office", "office"),
        ("style", "style"),
        ("text", "text"),
        ("fo", "xsl-fo-compatible"),
    )
)
_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document {namespaces} office:mimetype="application/vnd.oasis.opendocument.text"
    office:version="1.3">
<office:styles>{styles}</office:styles>
<office:automatic-styles>
<style:page-layout style:name="page"><style:page-layout-properties fo:page-width="21cm"
    fo:page-height="29.7cm" fo:margin="{margin:.1f}cm"/></style:page-layout>
<style:style style:name="columns" style:family="section"><style:section-properties
    text:dont-balance-text-columns="{unbalanced}"><style:columns fo:column-count="{columns}"
    fo:column-gap="{gap:.2f}cm">{rule}</style:columns></style:section-properties></style:style>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="page"/>
</office:master-styles>
<office:body><office:text>{title}<text:section text:style-name="columns" text:name="text">{text}
</text:section></office:text></office:body>
</office:document>
"""
_RULE = '<style:column-sep style:width="0.018cm" style:color="#444444" style:height="100%"/>'
_MONO = "DejaVu Sans Mono"
_INDENT = 1.6  # of items of lists, in font sizes


def draw_office(random: Random, number: int, half: Half) -> OfficeSheet:
    """A page with a title across its columns."""
    language: DebianLanguage = "zh" if number % 2 else "en"
    columns = 1 + number // 2 % 3
    size = float(random.uniform(9.5, 12 if columns < 3 else 10.5))
    parts = some_parts(random, language, half, 7000)
    first = next((n for n, part in enumerate(parts) if part.type == "title"), None)
    head = "Debian" if first is None else parts.pop(first).text[:60].strip()
    title = Part("title", head, 0)
    xml = _DOCUMENT.format(
        namespaces=_NAMESPACES,
        styles=_styles(random, size),
        margin=float(random.uniform(1.5, 2.5)),
        unbalanced=str(chance(random, 0.7)).lower(),
        columns=columns,
        gap=size * 0.0353 * float(random.uniform(1.4, 3)),
        rule=_RULE if chance(random, 0.2) else "",
        title=_paragraph(title),
        text="".join(map(_paragraph, parts)),
    )
    return OfficeSheet(xml, (title, *parts))


def _styles(random: Random, size: float) -> str:
    """The styles of the paragraphs, which are indented or have a space between them."""
    families = pick(random, LATIN), pick(random, CHINESE)
    align = f'fo:text-align="{pick(random, ("justify", "justify", "start"))}"'
    leading = f'fo:line-height="{int(random.integers(115, 150))}%"'
    indented = chance(random, 0.5)
    indent = f'fo:text-indent="{2 * size:.1f}pt"' if indented else ""
    space = f'fo:margin-bottom="{0 if indented else 0.6 * size:.1f}pt" {leading}'
    around = f'fo:margin-top="{0.8 * size:.1f}pt" fo:margin-bottom="{0.5 * size:.1f}pt"'
    left = f'fo:margin-left="{_INDENT * size:.1f}pt"'
    styles = [
        _style("text0", f"{align} {indent} {space}", size, families),
        _style("text1", f"{left} {space}", size, families),
        _style("list1", f'{left} fo:text-indent="-{_INDENT * size:.1f}pt" {space}', size, families),
        _style("code", around, 0.85 * size, (_MONO, families[1])),
        _style("title0", f'fo:text-align="center" {around}', 1.8 * size, families, True),
    ]
    for level, ratio in ((1, 1.5), (2, 1.25), (3, 1.08)):
        properties = f'{around} fo:keep-with-next="always"'
        styles.append(_style(f"title{level}", properties, ratio * size, families, True))
    return "".join(styles)


def _style(
    name: str, properties: str, size: float, families: tuple[str, str], bold: bool = False
) -> str:
    """The style of a paragraph; families: of Latin and of Chinese characters."""
    fonts = f'fo:font-family="{families[0]}" style:font-family-asian="{families[1]}"'
    sizes = f'fo:font-size="{size:.1f}pt" style:font-size-asian="{size:.1f}pt"'
    weights = 'fo:font-weight="bold" style:font-weight-asian="bold"' if bold else ""
    languages = (
        'fo:language="en" fo:country="US" style:language-asian="zh" style:country-asian="CN"'
    )
    return (
        f'<style:style style:name="{name}" style:family="paragraph">'
        # No punctuation in the margin, which the text of the PDF would lack.
        f'<style:paragraph-properties style:punctuation-wrap="simple" {properties}/>'
        f"<style:text-properties {fonts} {sizes} {weights} {languages}/></style:style>"
    )


def _paragraph(part: Part) -> str:
    name = part.type if part.type == "code" else f"{part.type}{_level(part)}"
    text = escape(part.text).replace("\n", "<text:line-break/>")
    text = re.sub("  +", lambda blanks: f'<text:s text:c="{len(blanks[0])}"/>', text)
    return f'<text:p text:style-name="{name}">{text}</text:p>'


def _level(part: Part) -> int:
    """That of its style; lists in lists are not told apart."""
    return part.level if part.type == "title" else min(part.level, 1)
