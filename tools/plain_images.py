"""Small images with a line of text, in every accepted format and in many modes."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (180, 48)
TEXT = "OPEN 24 H"
LETTER_PIXELS = 30

# (format, variant): the mode to save in, and how
_VARIANTS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("JPEG", "L"): ("L", {}),
    ("JPEG", "RGB"): ("RGB", {}),
    ("JPEG", "CMYK"): ("CMYK", {}),
    ("JPEG", "progressive"): ("RGB", {"progressive": True}),
    ("PNG", "1"): ("1", {}),
    ("PNG", "L"): ("L", {}),
    ("PNG", "LA"): ("LA", {}),
    ("PNG", "P"): ("P", {"transparency": 0}),
    ("PNG", "RGB"): ("RGB", {}),
    ("PNG", "RGBA"): ("RGBA", {}),
    ("PNG", "I;16"): ("I;16", {}),
    ("GIF", "P"): ("P", {}),
    ("GIF", "animated"): ("P", {"save_all": True}),
    ("WEBP", "RGB"): ("RGB", {"quality": 60}),
    ("WEBP", "RGBA"): ("RGBA", {"lossless": True}),
    ("WEBP", "animated"): ("RGB", {"save_all": True}),
    ("BMP", "1"): ("1", {}),
    ("BMP", "L"): ("L", {}),
    ("BMP", "P"): ("P", {}),
    ("BMP", "RGB"): ("RGB", {}),
    ("BMP", "RGBA"): ("RGBA", {}),
    ("TIFF", "1"): ("1", {"compression": "group4"}),
    ("TIFF", "L"): ("L", {"compression": "packbits"}),
    ("TIFF", "RGB"): ("RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGBA"): ("RGBA", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", "CMYK"): ("CMYK", {}),
    ("TIFF", "I;16"): ("I;16", {}),
    ("TIFF", "jpeg"): ("RGB", {"compression": "jpeg"}),
    ("TIFF", "F"): ("F", {}),
}
VARIANTS = tuple(_VARIANTS)


def drawn(text: str = TEXT, size: tuple[int, int] = SIZE) -> Image.Image:
    """The text in dark grey on white, in Pillow's built-in font."""
    image = Image.new("L", size, 255)
    font = ImageFont.load_default(LETTER_PIXELS)
    ImageDraw.Draw(image).text((size[0] // 2, size[1] // 2), text, 40, font, "mm")
    return image


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """The bytes of a file."""
    encoded = io.BytesIO()
    image.save(encoded, file_format, **options)
    return encoded.getvalue()


@cache
def plain(file_format: str, variant: str) -> bytes:
    """The text in one of VARIANTS."""
    mode, options = _VARIANTS[file_format, variant]
    image = drawn()
    if mode == "I;16":
        deep = Image.new("I;16", image.size)
        deep.putdata([value * 257 for value in image.tobytes()])
        image = deep
    elif mode == "P":
        image = image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    else:
        image = image.convert(mode)
    if "save_all" in options:
        options = {**options, "append_images": [image.rotate(180), image]}
    return saved(image, file_format, **options)
