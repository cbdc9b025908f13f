"""Find and load the fonts that the images are drawn with."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from PIL import ImageFont

FONT_ROOT = Path("/usr/share/fonts")
DEBIAN_PACKAGES = "fonts-noto-cjk and fonts-dejavu"

# face -> file name, and the family inside a collection (simplified Chinese shapes)
FACES = {
    "sans": ("NotoSansCJK-Regular.ttc", "Noto Sans CJK SC"),
    "sans-bold": ("NotoSansCJK-Bold.ttc", "Noto Sans CJK SC"),
    "serif": ("NotoSerifCJK-Regular.ttc", "Noto Serif CJK SC"),
    "serif-bold": ("NotoSerifCJK-Bold.ttc", "Noto Serif CJK SC"),
    "dejavu": ("DejaVuSans.ttf", "DejaVu Sans"),
    "dejavu-bold": ("DejaVuSans-Bold.ttf", "DejaVu Sans"),
    "dejavu-serif": ("DejaVuSerif.ttf", "DejaVu Serif"),
    "dejavu-serif-bold": ("DejaVuSerif-Bold.ttf", "DejaVu Serif"),
    "mono": ("DejaVuSansMono.ttf", "DejaVu Sans Mono"),
    "mono-bold": ("DejaVuSansMono-Bold.ttf", "DejaVu Sans Mono"),
}


class MissingFontError(Exception):
    """A font file is not installed, or lacks a glyph that a text needs."""


@cache
def font_file(name: str) -> Path:
    """Find an installed font file; raises MissingFontError naming the Debian packages."""
    for path in sorted(FONT_ROOT.rglob(name)):
        return path
    raise MissingFontError(
        f"font {name} not found under {FONT_ROOT}: install the Debian packages {DEBIAN_PACKAGES}"
    )


@cache
def load_font(face: str, size: int) -> ImageFont.FreeTypeFont:
    """Load a face at a size in pixels, laid out without Raqm so that every Pillow agrees."""
    name, family = FACES[face]
    path = font_file(name)
    for index in range(16):
        font = ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)
        if font.getname()[0] == family:
            return font
    raise MissingFontError(f"{path} holds no family named {family}")


@cache
def _glyph(face: str, character: str) -> bytes:
    mask = load_font(face, 32).getmask(character)
    return repr(mask.size).encode() + bytes(mask)


def require_glyphs(face: str, text: str) -> None:
    """Raise MissingFontError if any character would be drawn as the "tofu" box."""
    for character in text:
        if character != " " and _glyph(face, character) == _glyph(face, "\U0010fffd"):
            raise MissingFontError(f"{face} has no glyph for {character!r} in {text!r}")


def bold(face: str) -> str:
    """Return the bold face of a family, or the face itself if it is bold."""
    return face if face.endswith("-bold") else f"{face}-bold"


def font_digests() -> dict[str, str]:
    """Return the start of the SHA-256 of every font file, for the manifest."""
    names = sorted({name for name, _ in FACES.values()})
    return {name: hashlib.sha256(font_file(name).read_bytes()).hexdigest()[:16] for name in names}
