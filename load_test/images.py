"""Finds images, and changes their bytes so that they are not cached."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from load_test.errors import CannotStart
from ocr_client.image_kinds import file_kind, image_kind

_IHDR_END = 33  # of every PNG


@dataclass(frozen=True, slots=True)
class Variable:
    """An image's bytes with room for a note, which makes a copy new to the cache.

    The copy is before + framed(note) + after.
    """

    before: bytes
    framed: Callable[[bytes], bytes]
    after: bytes

    def with_note(self, note: bytes) -> bytes:
        """The image's bytes with a note; the pixels are the same."""
        return self.before + self.framed(note) + self.after


def find_images(folder: Path) -> list[Path]:
    """The images in the folder (not in subfolders) by name; CannotStart if there are none."""
    try:
        files = sorted(path.resolve() for path in folder.iterdir() if path.is_file())
        images = [path for path in files if file_kind(path)]
    except OSError as error:
        reason = f"cannot read --dir {folder}: {error.strerror}"
        raise CannotStart(f"{reason}; choose a folder of images with --dir") from error
    if not images:
        raise CannotStart(
            f"no JPEG, PNG, GIF, BMP, TIFF or WebP in {folder} ({len(files)} files); "
            "choose another folder with --dir"
        )
    return images


def variable(data: bytes) -> Variable | None:
    """Where to insert a note that changes no pixel; None if decoders might reject the copy."""
    kind = image_kind(data)
    at = len(data)
    framed: Callable[[bytes], bytes] = bytes
    if kind == "jpeg":  # after JFIF and Exif, and before MPF, whose offsets count from there
        at, framed = 2, _jpeg_comment
        while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    elif kind == "png":
        at, framed = _IHDR_END, _png_text
    elif kind == "gif":  # after the global color table
        at, framed = 13 + (6 << (data[10] & 7) if data[10] & 0x80 else 0), _gif_comment
    elif kind not in ("bmp", "tiff"):  # read by offsets, none of which points after the end
        return None
    return Variable(data[:at], framed, data[at:])


def vary(data: bytes, note: bytes) -> bytes | None:
    """The image's bytes with a note; None if decoders might reject them."""
    found = variable(data)
    return found.with_note(note) if found else None


def _jpeg_comment(note: bytes) -> bytes:
    return b"\xff\xfe" + (2 + len(note)).to_bytes(2, "big") + note


def _png_text(note: bytes) -> bytes:
    chunk = b"tEXtComment\0" + note
    return (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")


def _gif_comment(note: bytes) -> bytes:
    return b"!\xfe" + bytes([len(note)]) + note + b"\0"
