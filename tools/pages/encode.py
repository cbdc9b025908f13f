"""Turn an image into the bytes of a file, the same bytes in every run."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageChops

QUALITY = 80


def smallest(image: Image.Image) -> tuple[str, bytes]:
    """Return the suffix and the bytes of a JPEG or PNG, whichever is smaller."""
    candidates = [("png", png(image)), ("jpg", jpeg(image))]
    return min(candidates, key=lambda candidate: len(candidate[1]))


def encoded(image: Image.Image, suffix: str) -> bytes:
    """Encode as the suffix says: `jpg` or `png`."""
    return jpeg(image) if suffix == "jpg" else png(image)


def jpeg(image: Image.Image) -> bytes:
    """Encode as a JPEG, grey if the image is."""
    buffer = BytesIO()
    _plain(image).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    """Encode as a PNG; grey images keep 16 levels, which is plenty for smooth letters."""
    plain = _plain(image)
    if plain.mode == "L":
        plain = plain.point([round(level / 17) * 17 for level in range(256)])
    buffer = BytesIO()
    plain.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """Convert an image with almost no colours to grey."""
    red, green, blue = image.split()
    differences = (ImageChops.difference(red, green), ImageChops.difference(green, blue))
    tinted = any(max(difference.histogram()[8:]) for difference in differences)
    return image if tinted else image.convert("L")
