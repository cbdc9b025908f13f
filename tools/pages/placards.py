"""Signs, posters and labels: few lines in letters of several sizes."""

from __future__ import annotations

import re

from pages.sheet import LayoutError, Pen, Sheet
from pages.spec import Spec

CLEAR = 48
SIZED = re.compile(r"\[(\d+)\] (.+)")


def draw_placard(spec: Spec) -> Sheet:
    """Draw the lines centred on a coloured board with a frame."""
    width = spec.number("width")
    rows = [_sized(block) for block in spec.blocks]
    height = round(sum(size * 1.55 for size, _ in rows)) + 130
    sheet = Sheet((width, height), spec.colour("background"))
    ink = spec.colour("ink")
    sheet.draw.rounded_rectangle((14, 14, width - 15, height - 15), 18, outline=ink, width=5)
    y = 65.0
    for size, text in rows:
        y += size * 1.55
        pen = Pen(spec.text("face"), size, ink)
        box = sheet.write((width / 2, round(y - size * 0.42)), text, pen, "ms")
        if box[0] < CLEAR:
            raise LayoutError(f"{text!r} comes too close to the frame of {spec.name}")
    return sheet


def _sized(block: str) -> tuple[int, str]:
    match = SIZED.fullmatch(block)
    if match is None:
        raise ValueError(f"a placard line must look like `[40] text`: {block!r}")
    return int(match[1]), match[2]
