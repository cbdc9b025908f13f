"""Chromium draws the sheets and lists their lines."""

from __future__ import annotations

import base64
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

from chromium import browser_arguments, find_chromium
from hard_set.fonts import FETCHED
from layout_set.sheet import Sheet
from layout_set.truth import TrueBlock, TrueCell, TrueLine, TruePage

_SCRIPT = Path(__file__).with_name("lines.js").read_text(encoding="utf-8")
_PAPER = (255, 255, 255)
_FIRST_HEIGHT = 400
_FONTS = """<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""
Point = tuple[float, float]


@contextmanager
def browser_tab(folder: Path) -> Iterator[Tab]:
    """A tab of Chromium with the fonts of the hard set; folder: for its configuration.

    NoChromium if there is none.
    """
    fonts = font_settings(folder)
    arguments = [*browser_arguments(), "--font-render-hinting=none", "--hide-scrollbars"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=arguments,
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield browser.new_page()
        browser.close()


def font_settings(folder: Path) -> Path:
    """A configuration of fontconfig in this folder, with the fonts of the hard set."""
    folder.mkdir(parents=True, exist_ok=True)
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(fonts=FETCHED, cache=folder / "fontconfig"), encoding="utf-8")
    return fonts


def draw_all(sheets: Sequence[Sheet], folder: Path) -> Iterator[tuple[bytes, TruePage]]:
    """The images of sheets, and what is known of them; folder: see browser_tab()."""
    if sheets:
        with browser_tab(folder) as tab:
            yield from (draw(tab, sheet) for sheet in sheets)


def draw(tab: Tab, sheet: Sheet) -> tuple[bytes, TruePage]:
    """The image of a sheet as PNG, and what is known of it."""
    tab.set_viewport_size({"width": sheet.width, "height": sheet.height or _FIRST_HEIGHT})
    tab.set_content(sheet.html)
    found: dict[str, Any] = tab.evaluate(_SCRIPT)
    height = sheet.height or int(found["height"])
    tab.set_viewport_size({"width": sheet.width, "height": height})
    image = _screenshot(tab)
    if not sheet.turn:
        return image, _page(found, (sheet.width, height), lambda point: point)
    turned, move = _turned(Image.open(io.BytesIO(image)).convert("RGB"), sheet.turn)
    stored = io.BytesIO()
    turned.save(stored, "PNG", compress_level=1)
    return stored.getvalue(), _page(found, turned.size, move)


def _screenshot(tab: Tab) -> bytes:
    """What is in the tab as PNG; tab.screenshot() takes three times as long to compress it."""
    session = tab.context.new_cdp_session(tab)
    shot = session.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True})
    session.detach()
    return base64.b64decode(shot["data"])


def _turned(image: Image.Image, degrees: float) -> tuple[Image.Image, Callable[[Point], Point]]:
    """The image rotated counter-clockwise, and what moves its points with it."""
    turned = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_PAPER)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))

    def move(point: Point) -> Point:
        x, y = point[0] - image.width / 2, point[1] - image.height / 2
        return (
            x * cosine + y * sine + turned.width / 2,
            y * cosine - x * sine + turned.height / 2,
        )

    return turned, move


def _page(found: dict[str, Any], size: tuple[int, int], move: Callable[[Point], Point]) -> TruePage:
    def moved(x: float, y: float) -> tuple[int, int]:
        across, down = move((x, y))
        return round(across), round(down)

    lines = []
    for line in found["lines"]:
        left, top, right, bottom = line["box"]
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        a, b, c, d = (moved(*corner) for corner in corners)
        lines.append(TrueLine(line["text"], (a, b, c, d), line["block"]))
    return TruePage(
        *size,
        tuple(lines),
        tuple(TrueBlock(**block) for block in found["blocks"]),
        tuple(tuple(TrueCell(**cell) for cell in table) for table in found["tables"]),
        tuple(dict.fromkeys((*moved(ax, ay), *moved(bx, by)) for ax, ay, bx, by in found["rules"])),
    )
