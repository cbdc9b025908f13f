"""The font of the text layer in a PDF: glyphs without outlines, which only have widths.

tools/glyphless_font.py makes its file. The same font serves all pages; the code of a character is
also its CID.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from importlib import resources

import pikepdf
from pikepdf import Array, Dictionary, Name

from server.formats.pdf.characters import (
    CODES,
    EM,
    WIDE,
    Characters,
    width_ranges,
)

FONT_FILE = "glyphless.ttf"
FONT_NAME = "OcrText"
MOST_ENTRIES = 100  # of a block in a CMap: more are not allowed, and programs then read nonsense
ASCENT = 1000  # of the em: the box of a character is that of its line

_CMAP = """\
/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{blocks}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class LayerFont:
    """The font in one PDF. Call finish() when all text has been encoded."""

    def __init__(self, pdf: pikepdf.Pdf, characters: Characters) -> None:
        self._characters = characters
        self._to_unicode = pdf.make_stream(b"")
        self.reference = _add_font(pdf, characters, self._to_unicode)

    def finish(self) -> None:
        """Write which characters the codes stand for."""
        self._to_unicode.write(to_unicode(self._characters.high).encode("ascii"))


def to_unicode(high: dict[str, int]) -> str:
    """The CMap from codes to text; high: the characters beyond U+FFFF."""
    ranges = [
        f"<{page:02X}00> <{page:02X}FF> <{page:02X}00>"
        for page in range(0x100)
        if not 0xD8 <= page <= 0xDF
    ]
    single = [
        f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>"
        for character, code in high.items()
    ]
    blocks = [*_blocks("bfrange", ranges), *_blocks("bfchar", single)]
    return _CMAP.format(blocks="\n".join(blocks))


def _blocks(kind: str, entries: list[str]) -> Iterator[str]:
    for start in range(0, len(entries), MOST_ENTRIES):
        block = entries[start : start + MOST_ENTRIES]
        yield "\n".join((f"{len(block)} begin{kind}", *block, f"end{kind}"))


def _add_font(
    pdf: pikepdf.Pdf, characters: Characters, to_unicode: pikepdf.Stream
) -> pikepdf.Object:
    program = (resources.files(__package__) / FONT_FILE).read_bytes()
    name = Name(f"/{FONT_NAME}")
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=name,
        Flags=5,  # fixed pitch and symbolic: neither is used, but one of the kinds must be set
        FontBBox=Array([0, 0, EM, EM]),
        ItalicAngle=0,
        Ascent=ASCENT,
        Descent=0,
        CapHeight=ASCENT,
        StemV=80,
        FontFile2=_compressed(pdf, program, Length1=len(program)),
    )
    cid_font = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=name,
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=WIDE,
        W=Array([each for entry in _widths() for each in entry]),
        CIDToGIDMap=_compressed(pdf, _glyph_numbers(characters.places)),
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=name,
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(cid_font)]),
            ToUnicode=to_unicode,
        )
    )


def _widths() -> Iterable[tuple[int, int, int]]:
    """First code, last code and width, with neighbours of the same width joined."""
    joined: list[tuple[int, int, int]] = []
    for width, first, last in width_ranges():
        if joined and joined[-1][1] == first - 1 and joined[-1][2] == width:
            joined[-1] = joined[-1][0], last, width
        else:
            joined.append((first, last, width))
    return joined


def _glyph_numbers(places: bytearray) -> bytes:
    """CIDToGIDMap: the glyph of each code, which is that of its width; 0 is never used."""
    numbers = bytearray(2 * CODES)
    numbers[1::2] = places.translate(bytes([*range(1, 0x100), 0]))
    return bytes(numbers)


def _compressed(pdf: pikepdf.Pdf, data: bytes, **more: int) -> pikepdf.Stream:
    return pdf.make_stream(zlib.compress(data, 9), Filter=Name.FlateDecode, **more)
