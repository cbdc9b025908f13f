"""Draw the image that a probe has every worker read: ocr_engine/pool/known.png.

    python tools/known_image.py

Its text is KNOWN_TEXT in ocr_engine/pool/probe.py, in letters and digits that every model of the
catalogue reads, and that are other ones when turned upside down.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from ocr_engine.pool.probe import KNOWN_TEXT  # noqa: E402

SIZE = (320, 96)
LETTER_PIXELS = 24
LINE_PIXELS = 40
CORNER = (16, 14)


def main() -> int:
    """Write the image; returns the exit status."""
    image = Image.new("L", SIZE, 255)
    font = ImageFont.truetype("DejaVuSans.ttf", LETTER_PIXELS)
    left, top = CORNER
    for number, line in enumerate(KNOWN_TEXT.split("\n")):
        ImageDraw.Draw(image).text((left, top + number * LINE_PIXELS), line, 0, font)
    file = ROOT / "ocr_engine" / "pool" / "known.png"
    image.quantize(16).save(file, "PNG", optimize=True)
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
