"""Detects image types by their first bytes."""

from __future__ import annotations

from pathlib import Path

SIGNATURES = {
    b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif", b"BM": "bmp",
    b"II*\0": "tiff", b"MM\0*": "tiff", b"II+\0": "tiff", b"RIFF": "webp",
}  # fmt: skip
BRANDS = {
    b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"hevc": "heic",
    b"mif1": "heic", b"msf1": "heic",
}  # fmt: skip
SIGNATURE_BYTES = 12


def image_kind(data: bytes) -> str | None:
    """The subtype of image/*, from the first bytes, as on the server."""
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12])
    return next((kind for magic, kind in SIGNATURES.items() if data.startswith(magic)), None)


def file_kind(path: Path) -> str | None:
    """The image_kind of a file; reads only its first bytes."""
    with path.open("rb") as stream:
        return image_kind(stream.read(SIGNATURE_BYTES))
