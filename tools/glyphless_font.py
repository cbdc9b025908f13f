"""Makes the font of searchable PDFs: a TrueType file whose glyphs have a size and no area.

    python tools/glyphless_font.py

Glyph 0 is .notdef; then follows one glyph for each width of server/formats/pdf/characters.py. Each
is a diagonal line through its box: programs that look for the box of a character find it, and
nothing is painted even where somebody makes the text visible.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from server.formats.pdf.characters import EM, WIDTHS  # noqa: E402
from server.formats.pdf.font import ASCENT, FONT_FILE, FONT_NAME  # noqa: E402

FILE = ROOT / "server" / "formats" / "pdf" / FONT_FILE
MADE_AT = 3_870_000_000  # in seconds since 1904; always the same, so the file is
NEEDED = ("glyf", "head", "hhea", "hmtx", "loca", "maxp", "post")  # of a font inside of a PDF


def glyphless_font() -> bytes:
    """The font file; the same bytes each time."""
    widths = {".notdef": 0, **{f"w{width}": width for width in WIDTHS}}
    builder = FontBuilder(EM, isTTF=True)
    builder.updateHead(created=MADE_AT, modified=MADE_AT)
    builder.setupGlyphOrder(list(widths))
    builder.setupGlyf({name: _diagonal(width) for name, width in widths.items()})
    builder.setupHorizontalMetrics({name: (width, 0) for name, width in widths.items()})
    builder.setupHorizontalHeader(ascent=ASCENT, descent=0)
    builder.setupPost(keepGlyphNames=False)
    font = builder.font
    font.recalcTimestamp = False
    for table in set(font.keys()) - {*NEEDED, "GlyphOrder"}:
        del font[table]
    made = io.BytesIO()
    font.save(made)
    return made.getvalue()


def _diagonal(width: int) -> Glyph:
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((width, ASCENT))
    pen.closePath()
    return pen.glyph()


def main() -> int:
    """Write the font into the package."""
    made = glyphless_font()
    FILE.write_bytes(made)
    print(f"{FILE.relative_to(ROOT)}: {FONT_NAME}, {len(made)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
