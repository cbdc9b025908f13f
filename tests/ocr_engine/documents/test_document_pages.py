"""What a page becomes: a JPEG as it is, pixels, its own text; pages of TIFF and GIF."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocr_engine.documents.messages import PageImage, PageText, ReadPage
from ocr_engine.documents.renderers import Renderers
from ocr_engine.errors import DocumentBroken, PageFailed
from ocr_engine.images.header import read_header
from ocr_engine.result import Page
from tests.support.cards import card
from tests.support.pdfs import PdfPage, PdfWriter, image_page, jpeg_page, pdf_of, text_page
from tests.support.rendering import opened, page_of, pixels_of, text_of, with_renderers

SIZE = (595, 842)


def scan(mode: str = "RGB", size: tuple[int, int] = (1240, 1754)) -> Image.Image:
    """An uneven page."""
    image = Image.new(mode, size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((100, 100, 700, 400), "black")
    draw.rectangle((500, 900, 1100, 1000), "grey")
    return image


def jpeg(image: Image.Image, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=90, **options)
    return written.getvalue()


def pdf_with(data: bytes, entries: bytes = b"", more: bytes = b"") -> bytes:
    """A page that is this JPEG; more: entries of the image."""
    writer = PdfWriter()
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        space = b"/DeviceGray" if image.mode == "L" else b"/DeviceRGB"
    number = writer.stream(
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace%b/BitsPerComponent 8"
        b"/Filter/DCTDecode%b" % (width, height, space, more),
        data,
    )
    return pdf_of([image_page(number, SIZE, entries)], writer)


def test_a_page_that_is_one_jpeg_is_passed_on() -> None:
    async def test(renderers: Renderers) -> None:
        for mode in ("RGB", "L"):
            data = jpeg(scan(mode))
            page = await page_of(renderers, pdf_with(data))
            assert isinstance(page, PageImage)
            assert page.image == data
            assert page.dpi == pytest.approx(150, abs=0.5)

    with_renderers(test)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pdf_with(jpeg(scan()), b"/Rotate 90"), "rotated"),
        (pdf_with(jpeg(scan()), b"/CropBox[100 100 300 300]"), "cropped"),
        (pdf_with(jpeg(scan()), more=b"/Decode[1 0 1 0 1 0]"), "inverted"),
        (pdf_with(jpeg(scan("CMYK"))), "with other colours"),
        (pdf_with(jpeg(scan(), dpi=(200, 100))), "with uneven pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_jpeg_that_is_shown_otherwise_is_drawn(data: bytes, why: str) -> None:
    async def test(renderers: Renderers) -> None:
        page = await page_of(renderers, data, dpi=100)
        assert isinstance(page, PageImage)
        assert not isinstance(page.image, bytes)

    with_renderers(test)


def test_a_jpeg_has_no_orientation_of_its_own_in_a_pdf() -> None:
    exif = Image.Exif()
    exif[0x112] = 3
    data = jpeg(scan(), exif=exif)

    async def test(renderers: Renderers) -> None:
        shown = pixels_of(await page_of(renderers, pdf_with(data))).pixels
        assert shown[250, 400].max() < 60  # as it is stored

    with_renderers(test)


def test_a_jpeg_that_is_much_finer_than_asked_for_is_drawn() -> None:
    async def test(renderers: Renderers) -> None:
        page = await page_of(renderers, pdf_with(jpeg(scan())), dpi=72)
        assert isinstance(page, PageImage)
        assert pixels_of(page).size == SIZE
        assert page.dpi == 72

    with_renderers(test)


def test_text_over_the_image_is_drawn_unless_it_is_invisible() -> None:
    def scanned(mode: int) -> bytes:
        writer = PdfWriter()
        page = jpeg_page(writer, jpeg(scan()))
        text = text_page(["found by others"], mode=mode)
        content = page.content + b" " + text.content
        return pdf_of([PdfPage(SIZE, content, page.resources + text.resources)], writer)

    async def test(renderers: Renderers) -> None:
        hidden = await page_of(renderers, scanned(mode=3))
        assert isinstance(hidden, PageImage)
        assert isinstance(hidden.image, bytes)
        shown = await page_of(renderers, scanned(mode=0))
        assert isinstance(shown, PageImage)
        assert not isinstance(shown.image, bytes)

    with_renderers(test)


def marked(size: tuple[int, int], marks: bytes, entries: bytes = b"") -> bytes:
    """A page with a JPEG of this size over all of it, and something more."""
    writer = PdfWriter()
    page = jpeg_page(writer, jpeg(scan().resize(size)), SIZE, entries)
    return pdf_of([PdfPage(SIZE, page.content + marks, page.resources, entries)], writer)


@pytest.mark.parametrize(
    ("size", "marks", "entries", "dpi"),
    [
        ((1240, 1754), b" 5 5 2 2 re f", b"", 150),
        ((1240, 1754), b"", b"/Rotate 90", 150),
        ((1653, 2338), b" 5 5 2 2 re f", b"", 200),
        ((826, 1169), b" 5 5 2 2 re f", b"", 149),
        ((2480, 3508), b" 5 5 2 2 re f", b"", 250),
        ((1240, 1754), b" 5 5 2 2 re f" * 30, b"", 250),
        ((1240, 1754), b" q .1 0 0 .1 0 0 cm /I Do Q", b"", 250),
    ],
    ids=["marked", "rotated", "finer", "coarse", "finest", "many marks", "with a fine image"],
)
def test_a_scan_is_drawn_no_finer_than_it_is(
    size: tuple[int, int], marks: bytes, entries: bytes, dpi: int
) -> None:
    async def test(renderers: Renderers) -> None:
        page = await page_of(renderers, marked(size, marks, entries), dpi=250)
        assert page.dpi == pytest.approx(dpi, rel=0.005)
        assert max(pixels_of(page).size) == pytest.approx(SIZE[1] * dpi / 72, rel=0.005)

    with_renderers(test)


def test_an_image_on_a_page_does_not_make_it_a_scan() -> None:
    async def test(renderers: Renderers) -> None:
        writer = PdfWriter()
        page = jpeg_page(writer, jpeg(scan()), (SIZE[0] // 2, SIZE[1]))
        data = pdf_of([PdfPage(SIZE, page.content, page.resources)], writer)
        assert (await page_of(renderers, data, dpi=250)).dpi == 250

    with_renderers(test)


HONEST = ["An honest page of text", "with a second line."]


def test_a_sound_text_layer_is_the_result_where_it_is_asked_for() -> None:
    async def test(renderers: Renderers) -> None:
        data = pdf_of([text_page(HONEST)])
        assert isinstance(await page_of(renderers, data), PageImage)
        page = await page_of(renderers, data, text_layer="auto", granularity="word")
        assert isinstance(page, PageText)
        (found,) = page.result.pages
        assert found.text == "\n".join(HONEST)
        words = [word for line in found.lines for word in line.words or ()]
        assert [word.text for word in words] == " ".join(HONEST).split()
        drawn = pixels_of(await page_of(renderers, data))
        assert (found.width, found.height) == drawn.size
        check_boxes(found, drawn.pixels)

    with_renderers(test)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_of_a_text_layer_are_where_the_text_is_drawn(rotation: int) -> None:
    entries = b"/Rotate %d/MediaBox[-50 -20 545 822]/CropBox[0 300 500 800]" % rotation

    async def test(renderers: Renderers) -> None:
        data = pdf_of([text_page(HONEST, entries=entries)])
        page = await page_of(renderers, data, text_layer="only")
        assert isinstance(page, PageText)
        drawn = pixels_of(await page_of(renderers, data))
        check_boxes(page.result.pages[0], drawn.pixels)

    with_renderers(test)


def check_boxes(page: Page, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """All that is drawn is in the boxes of the lines, which are not much larger."""
    inside = np.zeros(pixels.shape[:2], bool)
    for line in page.lines:
        across, down = zip(*line.box, strict=True)
        inside[min(down) : max(down) + 1, min(across) : max(across) + 1] = True
    ink = pixels[:, :, 0] < 128
    assert ink.any()
    assert not (ink & ~inside).any()
    assert inside.sum() < 15 * ink.sum()


@pytest.mark.faults(99)
@pytest.mark.parametrize(
    "page",
    [
        text_page(HONEST, mode=3),
        text_page(HONEST, font_size=1),
        text_page(["3"]),
        PdfPage(SIZE, text_page(HONEST).content.replace(b"BT", b"BT 1 g"), text_page([]).resources),
    ],
    ids=["invisible", "tiny", "hardly any", "white"],
)
def test_a_text_layer_that_nobody_sees_is_not_believed(page: PdfPage) -> None:
    async def test(renderers: Renderers) -> None:
        data = pdf_of([page])
        assert isinstance(await page_of(renderers, data, text_layer="auto"), PageImage)
        assert isinstance(await page_of(renderers, data, text_layer="only"), PageText)

    with_renderers(test)


def frames(format: str, texts: list[str], **options: object) -> bytes:
    first, *others = [Image.open(io.BytesIO(card(text))) for text in texts]
    written = io.BytesIO()
    first.save(written, format, save_all=True, append_images=others, **options)
    return written.getvalue()


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate", "big_tiff": True}),
        ("GIF", {}),
    ],
)
def test_every_page_of_a_tiff_and_a_gif(format: str, options: dict[str, object]) -> None:
    texts = ["the first", "the second", "the third"]

    async def test(renderers: Renderers) -> None:
        document = opened(frames(format, texts, **options))
        assert await renderers.open(document) == 3
        for number in (2, 3, 1):
            page = await renderers.read_page(document, ReadPage(document.number, number))
            assert text_of(page) == texts[number - 1]

    with_renderers(test)


def test_a_page_of_a_tiff_has_nothing_of_the_others() -> None:
    data = frames("TIFF", ["short", "x" * 3000, "end"])

    async def test(renderers: Renderers) -> None:
        page = await page_of(renderers, data, 1)
        assert isinstance(page, PageImage)
        assert isinstance(page.image, bytes)
        assert read_header(page.image).format == "TIFF"
        assert len(page.image) < len(data) / 4

    with_renderers(test)


@pytest.mark.faults(96)
def test_broken_tiffs_and_gifs() -> None:
    async def test(renderers: Renderers) -> None:
        tiff = frames("TIFF", ["one", "two"])
        with pytest.raises(DocumentBroken):
            await renderers.open(opened(tiff[:6]))
        offset = int.from_bytes(tiff[4:8], "little")
        loop = bytearray(tiff)
        tags = int.from_bytes(tiff[offset : offset + 2], "little")
        after = offset + 2 + 12 * tags
        loop[after : after + 4] = offset.to_bytes(4, "little")
        assert await renderers.open(opened(bytes(loop))) == 1
        with pytest.raises(DocumentBroken):
            await renderers.open(opened(b"GIF89a"))
        gif = frames("GIF", ["one", "two"])
        with pytest.raises(PageFailed):
            await page_of(renderers, gif[: len(gif) // 2], 2)

    with_renderers(test)
