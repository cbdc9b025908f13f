"""Frames of a GIF, as they are shown: each over those before it. Runs in a renderer."""

from __future__ import annotations

import mmap
import os

from PIL import Image

from ocr_engine.documents.messages import PageImage, ReadPage
from ocr_engine.errors import DocumentBroken, PageFailed
from ocr_engine.images.decoders import prepare_decoders
from ocr_engine.images.frames import count_gif_frames
from ocr_engine.images.header import ImageHeader, check_size
from ocr_engine.images.pixels import new_pixels
from ocr_engine.memory import rss_mb


class GifFrames:
    """An open GIF; see OpenDocument. Frames that are asked for in order are decoded once."""

    def __init__(self, descriptor: int) -> None:
        prepare_decoders()
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
            self.pages = count_gif_frames(data)
        try:
            file = os.fdopen(os.dup(descriptor), "rb")
            self._image = Image.open(file, formats=["GIF"])
        except Exception:  # Pillow raises almost anything when a file is broken
            raise DocumentBroken("the GIF is broken") from None

    def read(self, asked: ReadPage) -> PageImage:
        """See OpenDocument."""
        check_size(ImageHeader("GIF", *self._image.size), asked.max_pixels)
        try:
            self._image.seek(asked.page - 1)
            frame = self._image.convert("RGBA")
        except Exception:  # as above
            raise PageFailed(f"frame {asked.page} of the GIF is cut off or broken") from None
        shown = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame)
        pixels = new_pixels(*frame.size)
        with pixels.writable() as memory:
            memory.write(shown.convert("RGB").tobytes("raw", "BGR"))
        return PageImage(pixels, None, rss_mb())

    def close(self) -> None:
        """See OpenDocument."""
        self._image.close()
