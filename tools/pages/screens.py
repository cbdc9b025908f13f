"""Screens: settings, chats, notes and a terminal, in a light and a dark theme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pages.fonts import bold
from pages.sheet import Pen, Sheet
from pages.spec import Colour, Spec

TALL = 1400
BAR = 64
MARGIN = 40


@dataclass(frozen=True)
class Theme:
    """The colours of a user interface."""

    back: Colour
    bar: Colour
    card: Colour
    accent: Colour
    text: Colour
    faint: Colour
    line: Colour


THEMES = {
    "light": Theme(
        back=(255, 255, 255),
        bar=(240, 242, 245),
        card=(236, 238, 242),
        accent=(204, 228, 252),
        text=(30, 32, 36),
        faint=(96, 102, 112),
        line=(222, 224, 228),
    ),
    "dark": Theme(
        back=(24, 26, 30),
        bar=(38, 41, 48),
        card=(52, 56, 64),
        accent=(28, 84, 130),
        text=(232, 234, 238),
        faint=(164, 170, 180),
        line=(54, 58, 66),
    ),
}


def draw_screen(spec: Spec) -> Sheet:
    """Draw a title bar, and below it the screen of the described kind."""
    theme = THEMES[spec.text("theme")]
    sheet = Sheet((spec.number("width"), TALL), theme.back)
    face = "mono" if spec.text("look") == "terminal" else _face(spec)
    pen = Pen(face, spec.number("size"), theme.text)
    _title(sheet, spec.blocks[0].removeprefix("# "), pen, theme)
    bottom = LOOKS[spec.text("look")](sheet, spec.blocks[1:], pen, theme)
    sheet.crop(bottom + 30)
    return sheet


def _face(spec: Spec) -> str:
    return "dejavu" if spec.text("language") == "en" else "sans"


def _title(sheet: Sheet, title: str, pen: Pen, theme: Theme) -> None:
    width = sheet.image.width
    sheet.draw.rectangle((0, 0, width, BAR), fill=theme.bar)
    # no buttons or boxes anywhere: a reader may rightly see letters in them
    sheet.draw.rectangle((0, BAR - 4, width, BAR), fill=theme.accent)
    sheet.write((MARGIN, BAR // 2), title, Pen(bold(pen.face), pen.size + 1, theme.text), "lm")


def _list(sheet: Sheet, blocks: tuple[str, ...], pen: Pen, theme: Theme) -> int:
    """Draw rows with a label on the left and its value on the right."""
    right = sheet.image.width - MARGIN
    y = BAR
    for block in blocks:
        y += round(pen.size * 2.7)
        label, value = block.split(" || ")
        sheet.write((MARGIN, y - pen.size), label, pen)
        sheet.write((right, y - pen.size), value, Pen(pen.face, pen.size, theme.faint), "rs")
        sheet.draw.line((MARGIN, y, right, y), fill=theme.line)
    return y


def _chat(sheet: Sheet, blocks: tuple[str, ...], pen: Pen, theme: Theme) -> int:
    """Draw chat bubbles below each other, our own on the right."""
    y = BAR + 24
    height = round(pen.size * 2.2)
    for block in blocks:
        mine, text = block[0] == ">", block[2:]
        width = round(pen.width(text)) + 36
        left = sheet.image.width - MARGIN - width if mine else MARGIN
        fill = theme.accent if mine else theme.card
        sheet.draw.rounded_rectangle((left, y, left + width, y + height), 14, fill=fill)
        sheet.write((left + 18, y + height / 2 + pen.size * 0.36), text, pen)
        y += height + 18
    return y


def _notes(sheet: Sheet, blocks: tuple[str, ...], pen: Pen, theme: Theme) -> int:
    """Draw one note per row, next to a coloured margin."""
    y = BAR + 20
    for block in blocks:
        y += round(pen.size * 2.3)
        sheet.write((MARGIN, y), block, pen)
    sheet.draw.rectangle((0, BAR, 12, TALL), fill=theme.accent)
    return y


def _terminal(sheet: Sheet, blocks: tuple[str, ...], pen: Pen, theme: Theme) -> int:
    """Draw lines of a log, warnings and successes in colours."""
    y = BAR + 10
    for block in blocks:
        y += round(pen.size * 1.9)
        ink = theme.text
        if block.startswith("warning"):
            ink = (240, 190, 90)
        elif "passed" in block.lower():
            ink = (130, 210, 130)
        sheet.write((MARGIN, y), block, Pen(pen.face, pen.size, ink))
    return y


LOOKS: dict[str, Callable[[Sheet, tuple[str, ...], Pen, Theme], int]] = {
    "list": _list,
    "chat": _chat,
    "notes": _notes,
    "terminal": _terminal,
}
