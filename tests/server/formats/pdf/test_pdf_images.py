"""Images as pages: they look as they are, and no more is done to them than necessary."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pikepdf
import pytest
from PIL import Image

from ocr_engine.errors import InvalidImage, UnsupportedFormat
from ocr_engine.images.decode import decode
from server.formats.pdf.image_pages import page_size
from server.formats.pdf.order import PdfMode
from server.formats.pdf.writer import CONVERTED
from tests.support.made_pdfs import opened
from tests.support.text_layers import chars_line, in_pdfium, page_of_lines, rendered, written

PAGES = Path(__file__).parents[3] / "data" / "pages"
TEXT = "over it"


def pdf_of_file(file: bytes, mode: PdfMode | None = None, frames: int = 1) -> bytes:
    """The PDF of an image file with a line of text on each of its frames."""
    pixels = decode(file, 10**8).pixels
    height, width = pixels.shape[:2]
    page = page_of_lines([chars_line(TEXT, 2, 2, 16)], width, height)
    return written(file, [page] * frames, mode).data


def shown(pdf: bytes, size: tuple[int, int], number: int = 0) -> npt.NDArray[Any]:
    """A page in this size in pixels, as RGB."""
    with opened(pdf) as document:
        box = document.pages[number].mediabox
        scale = size[0] / float(box[2])
    image = rendered(pdf, number, scale).convert("RGB").resize(size)
    return np.asarray(image).astype(int)


class Embedded(NamedTuple):
    """The image of the first page as it is stored."""

    raw: bytes
    space: str
    filter: str
    pixels: Image.Image


def embedded(pdf: bytes) -> Embedded:
    with opened(pdf) as document:
        stream = document.pages[0].obj.Resources.XObject.Image
        assert isinstance(stream, pikepdf.Stream)
        pixels = pikepdf.PdfImage(stream).as_pil_image()
        return Embedded(stream.read_raw_bytes(), str(stream.ColorSpace), str(stream.Filter), pixels)


def file_of(image: Image.Image, file_format: str, **options: Any) -> bytes:
    made = io.BytesIO()
    image.save(made, file_format, **options)
    return made.getvalue()


def photo(mode: str = "RGB") -> Image.Image:
    return Image.open(PAGES / "sign_en_bakery.png").convert("RGB").convert(mode)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientations(orientation: int) -> None:
    file = (PAGES / f"special_exif_{orientation}.jpg").read_bytes()
    upright = decode(file, 10**8).pixels[:, :, ::-1].astype(int)
    pdf = pdf_of_file(file)
    found = shown(pdf, (upright.shape[1], upright.shape[0]))
    assert np.abs(found - upright).mean() < 6
    assert in_pdfium(pdf) == TEXT
    assert embedded(pdf).filter == "/DCTDecode"


def test_a_jpeg_is_embedded_as_it_is() -> None:
    file = file_of(photo(), "JPEG", quality=80)
    assert embedded(pdf_of_file(file)).raw == file


@pytest.mark.parametrize(
    "name",
    [
        "special_sign_cmyk.jpg",
        "special_sign_progressive.jpg",
        "special_sign_grey8.png",
        "special_sign_grey16.png",
        "special_sign_palette_clear.png",
        "special_sign_rgba_clear.png",
        "special_sign.bmp",
        "special_sign_lossy.webp",
        "special_sign_3_frames.gif",
        "special_sign_2_pages.tif",
    ],
)
@pytest.mark.parametrize("pdfa", [False, True])
def test_other_files_look_as_they_are_read(name: str, pdfa: bool) -> None:
    file = (PAGES / name).read_bytes()
    upright = decode(file, 10**8).pixels[:, :, ::-1].astype(int)
    found = shown(pdf_of_file(file, PdfMode(pdfa=pdfa)), (upright.shape[1], upright.shape[0]))
    four_colours = "cmyk" in name and not pdfa  # which every program converts in its own way
    assert np.abs(found - upright).mean() < (40 if four_colours else 6)


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_pixels_without_loss_and_in_no_more_bits_than_needed(mode: str) -> None:
    image = photo(mode)
    back = embedded(pdf_of_file(file_of(image, "PNG"))).pixels
    assert (back.mode, back.size) == (mode, image.size)
    assert back.tobytes() == image.tobytes()


def test_four_colours_are_converted_for_pdfa_alone() -> None:
    file = (PAGES / "special_sign_cmyk.jpg").read_bytes()
    page = page_of_lines([], 100, 100)
    assert written(file, [page]).changes == ()
    assert CONVERTED in written(file, [page], PdfMode(pdfa=True)).changes
    assert embedded(pdf_of_file(file)).space == "/DeviceCMYK"


@pytest.mark.parametrize("file_format", ["TIFF", "GIF"])
def test_every_frame_that_has_a_text_is_a_page(file_format: str) -> None:
    frames = [Image.new("L", (60, 40), shade) for shade in (250, 120, 10)]
    file = file_of(frames[0], file_format, save_all=True, append_images=frames[1:])
    pdf = pdf_of_file(file, frames=3)
    assert [shown(pdf, (60, 40), number).mean() for number in range(3)] == [250, 120, 10]
    assert [in_pdfium(pdf, number) for number in range(3)] == [TEXT] * 3
    with pytest.raises(InvalidImage, match="no page 4"):
        pdf_of_file(file, frames=4)


def test_a_frame_that_is_transparent_is_white() -> None:
    frames = [Image.new("RGBA", (60, 40), (0, 0, 0, alpha)) for alpha in (255, 0)]
    file = file_of(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert shown(pdf_of_file(file, frames=2), (60, 40), 1).mean() == 255


@pytest.mark.parametrize(
    ("size", "dpi", "points"),
    [
        ((2480, 3508), (300, 300), (595.2, 841.92)),
        ((1728, 1100), (204, 98), (609.88, 808.16)),
        ((65_500, 400), (200, 200), (14_400, 87.94)),
        ((1, 1), (200, 200), (3, 3)),
        ((1, 65_500), (200, 200), (3, 14_400)),
    ],
)
def test_sizes_of_pages(
    size: tuple[int, int], dpi: tuple[float, float], points: tuple[float, float]
) -> None:
    assert page_size(size, dpi) == pytest.approx(points, abs=0.01)


@pytest.mark.parametrize(
    ("dpi", "width"), [((300, 300), 48.0), ((1, 1), 72.0), ((96_000, 96_000), 72.0), (None, 72.0)]
)
def test_the_resolution_of_the_file_counts_if_it_is_believable(
    dpi: tuple[int, int] | None, width: float
) -> None:
    options = {"dpi": dpi} if dpi else {}
    file = file_of(Image.new("L", (200, 100)), "JPEG", **options)
    with opened(pdf_of_file(file)) as pdf:
        assert float(pdf.pages[0].mediabox[2]) == pytest.approx(width)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(UnsupportedFormat):
        written(b"%!PS", [])
