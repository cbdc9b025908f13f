"""The characters of the text layer: how wide each one is, and the code that stands for it.

The font has no outlines, only widths. They are near those of ordinary fonts, so that the characters
of a word lie where they are on the page, although only the box of the word is known.
"""

from __future__ import annotations

from collections.abc import Iterator

EM = 1000  # units of a font in which widths are measured
WIDE = 1000  # Chinese, Japanese, Korean; and all characters that have no row below
NARROW = 540
WIDTHS = (0, 250, 320, 480, NARROW, 680, 860, WIDE)  # all that a character can have

CODES = 0x10000
MOST_KNOWN = 10_000  # words whose width is remembered
_HIGH_PLANES = range(0xD800, 0xE000)  # surrogates: no character has these codes itself
_REPLACEMENT = 0xFFFD

_OF_LETTERS = {
    250: " !',.:;Iijl|",
    320: '"()*-/[\\]`frt{}',
    480: "?Jackesvxyz",
    680: "&ABCDEGHKNOPQRUVXYw",
    860: "%@MWm",
}
# Width, first and last code of the other characters that are not wide.
_RANGES = (
    (0, 0x0300, 0x036F),  # combining marks
    (NARROW, 0x0370, 0x0482),
    (0, 0x0483, 0x0489),
    (NARROW, 0x048A, 0x0590),
    (0, 0x0591, 0x05BD),
    (NARROW, 0x05BE, 0x064A),
    (0, 0x064B, 0x065F),
    (NARROW, 0x0660, 0x0E30),
    (0, 0x0E31, 0x0E31),
    (NARROW, 0x0E32, 0x0E33),
    (0, 0x0E34, 0x0E3A),
    (NARROW, 0x0E3B, 0x0E46),
    (0, 0x0E47, 0x0E4E),
    (NARROW, 0x0E4F, 0x10FF),
    (NARROW, 0x1160, 0x200A),
    (0, 0x200B, 0x200F),
    (NARROW, 0x2010, 0x2029),
    (0, 0x202A, 0x202E),
    (NARROW, 0x202F, 0x205F),
    (0, 0x2060, 0x206F),
    (NARROW, 0x2070, 0x20CF),
    (0, 0x20D0, 0x20FF),
    (NARROW, 0x2100, 0x2E7F),
    (0, 0x3099, 0x309A),
    (NARROW, 0xA4D0, 0xABFF),
    (NARROW, 0xFB00, 0xFDFF),
    (0, 0xFE00, 0xFE0F),
    (0, 0xFE20, 0xFE2F),
    (NARROW, 0xFE70, 0xFEFE),
    (0, 0xFEFF, 0xFEFF),
    (NARROW, 0xFF61, 0xFFDC),
)


def width_ranges() -> Iterator[tuple[int, int, int]]:
    """Width, first and last code of all characters that are not wide, by code."""
    letters = {letter: width for width, letters in _OF_LETTERS.items() for letter in letters}
    for code in range(_RANGES[0][1]):
        yield letters.get(chr(code), NARROW), code, code
    yield from _RANGES


def _all_widths() -> bytearray:
    """For each code, the position of its width in WIDTHS."""
    places = bytearray([WIDTHS.index(WIDE)]) * CODES
    for width, first, last in width_ranges():
        places[first : last + 1] = bytes([WIDTHS.index(width)]) * (last + 1 - first)
    return places


class Characters:
    """The codes of a document's characters.

    The code of a character is its UTF-16 code unit. Characters beyond U+FFFF get the codes of
    surrogates in the order in which they appear; a document may have 2048 different ones.
    """

    def __init__(self) -> None:
        self.places = _all_widths()
        self._high: dict[str, int] = {}
        self._widths: dict[str, int] = {}  # of words, which come again and again

    @property
    def high(self) -> dict[str, int]:
        """The characters beyond U+FFFF that were encoded, and their codes."""
        return self._high

    def encoded(self, text: str) -> bytes:
        """The codes of the text, two bytes each; U+FFFD for what has none."""
        if text.isascii():
            return text.encode("utf-16-be")
        return b"".join(self._code(character).to_bytes(2) for character in text)

    def width(self, text: str) -> int:
        """The sum of the widths, in units of the font."""
        known = self._widths.get(text)
        if known is None:
            places = self.places
            known = sum(WIDTHS[places[min(ord(character), CODES - 1)]] for character in text)
            if len(self._widths) < MOST_KNOWN:
                self._widths[text] = known
        return known

    def _code(self, character: str) -> int:
        point = ord(character)
        if point in _HIGH_PLANES:
            return _REPLACEMENT
        if point < CODES:
            return point
        known = self._high.get(character)
        if known is None:
            known = _HIGH_PLANES.start + len(self._high)
            if known not in _HIGH_PLANES:
                return _REPLACEMENT
            self._high[character] = known
        return known
