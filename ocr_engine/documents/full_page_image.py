"""Pages of a PDF that are one image, as scanners write them. Runs in a renderer."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium_c

from ocr_engine.errors import InvalidImage
from ocr_engine.images.jpeg_segments import FRAME_HEADERS, jpeg_segments, split_jpeg

MARGIN = 0.5  # points by which the image may miss the edges of the page
UNEVEN = 0.02  # by which its resolutions may differ, as a share
MOST_OBJECTS = 10_000  # that are looked at
SAMPLE_SIDE = 48  # pixels of the images that are compared
MOST_DIFFERENCE = 16.0  # of their brightness on average, from 0 to 255

_JFIF = 0xE0


@dataclass(frozen=True, slots=True)
class EmbeddedJpeg:
    """A JPEG without its metadata. kind: what JPEGs have in common that are shown alike."""

    data: bytes
    kind: tuple[object, ...]

    def looks_like(self, page: Any) -> bool:
        """Whether the page shows it with its own colours, unmasked."""
        from PIL import Image

        with Image.open(io.BytesIO(self.data), formats=["JPEG"]) as image:
            image.draft("L", (2 * SAMPLE_SIDE, 2 * SAMPLE_SIDE))
            own = image.convert("L").resize((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.BOX)
        scale = 2 * SAMPLE_SIDE / max(page.get_size())
        bitmap = page.render(scale=scale, force_bitmap_format=pdfium_c.FPDFBitmap_BGR)
        drawn = bitmap.to_pil().convert("L").resize(own.size, Image.Resampling.BOX)
        pairs = zip(own.tobytes(), drawn.tobytes(), strict=True)
        difference: int = sum(abs(one - other) for one, other in pairs)
        return difference <= MOST_DIFFERENCE * SAMPLE_SIDE**2


@dataclass(frozen=True, slots=True)
class FullPageImage:
    """The image that covers an unrotated page, upright. dpi: its resolution on paper."""

    image: Any
    width: int
    height: int
    dpi: float

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.width * self.height

    def jpeg(self) -> EmbeddedJpeg | None:
        """The file of the image; None if it is no JPEG that any decoder shows alike."""
        if self.image.get_filters() != ["DCTDecode"]:
            return None
        data = split_jpeg(bytes(self.image.get_data())).data
        try:
            channels = self._channels(data)
        except (InvalidImage, IndexError, struct.error):
            return None
        return None if channels is None else EmbeddedJpeg(data, (channels,))

    def _channels(self, data: bytes) -> int | None:
        """1 or 3; None if the size is another, or if its pixels claim not to be square."""
        if not data.startswith(b"\xff\xd8\xff"):
            return None
        for segment in jpeg_segments(data):
            content = data[segment.body : segment.end]
            if segment.marker == _JFIF and content.startswith(b"JFIF\0"):
                across, down = struct.unpack_from(">HH", content, 8)
                if across != down:
                    return None
            if segment.marker in FRAME_HEADERS:
                height, width, channels = struct.unpack_from(">HHB", content, 1)
                known = (width, height) == (self.width, self.height) and channels in (1, 3)
                return int(channels) if known else None
        return None


def full_page_image(page: Any) -> FullPageImage | None:
    """The image that the page consists of, apart from invisible text; None if there is more."""
    if page.get_rotation() or pdfium_c.FPDFPage_GetAnnotCount(page):
        return None
    count = pdfium_c.FPDFPage_CountObjects(page)
    if not 0 < count <= MOST_OBJECTS:
        return None
    images: list[Any] = []
    for item in page.get_objects(max_depth=1):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE and not images:
            images.append(item)
        elif not is_invisible_text(item):
            return None
    if not images or pdfium_c.FPDFPageObj_HasTransparency(images[0]):
        return None
    return _covering(page, images[0])


def _covering(page: Any, image: Any) -> FullPageImage | None:
    a, b, c, d, e, f = image.get_matrix().get()
    left, bottom, right, top = page.get_bbox()
    misses = (b, c, e - left, f - bottom, a - (right - left), d - (top - bottom))
    if max(map(abs, misses)) > MARGIN:
        return None
    width, height = image.get_px_size()
    across, down = 72 * width / a, 72 * height / d
    if not width or not height or abs(across - down) > UNEVEN * across:
        return None
    return FullPageImage(image, width, height, across)


def is_invisible_text(item: Any) -> bool:
    """Whether an object of a page is text that nobody sees."""
    if item.type != pdfium_c.FPDF_PAGEOBJ_TEXT:
        return False
    mode: int = pdfium_c.FPDFTextObj_GetTextRenderMode(item)
    return mode == pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE  # type: ignore[no-any-return]
