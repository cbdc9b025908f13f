"""Which kind of image some bytes are, by the first of them."""

from __future__ import annotations

from pathlib import Path

SIGNATURES = {
    b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif", b"BM": "bmp",
    b"II*\0": "tiff", b"MM\0*": "tiff", b"RIFF": "webp",
}  # fmt: skip
SIGNATURE_BYTES = max(map(len, SIGNATURES))


def image_kind(data: bytes) -> str | None:
    """The subtype of image/*, told by the first bytes, as the server does it."""
    return next((kind for magic, kind in SIGNATURES.items() if data.startswith(magic)), None)


def file_kind(path: Path) -> str | None:
    """image_kind of a file, of which only the first bytes are read."""
    with path.open("rb") as stream:
        return image_kind(stream.read(SIGNATURE_BYTES))
