"""PDFs written by hand, ordinary and hostile ones."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from tests.support.cards import card

A4 = (595, 842)


class PdfWriter:
    """Objects of a PDF, numbered from 1 in the order in which they are added."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def add(self, content: bytes) -> int:
        """Add an object; returns its number."""
        self._objects.append(content)
        return len(self._objects)

    def stream(self, entries: bytes, data: bytes, compress: bool = False) -> int:
        """Add a stream with these entries in its dictionary."""
        if compress:
            entries, data = entries + b"/Filter/FlateDecode", zlib.compress(data)
        return self.add(b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(data), data))

    def reserve(self) -> int:
        """The number of an object that set() fills."""
        return self.add(b"null")

    def set(self, number: int, content: bytes) -> None:
        """Fill a reserved object."""
        self._objects[number - 1] = content

    def written(self, root: int, trailer: bytes = b"") -> bytes:
        """The file."""
        data = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, content in enumerate(self._objects, 1):
            places.append(len(data))
            data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
        start = len(data)
        data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        for place in places:
            data += b"%010d 00000 n \n" % place
        size = len(places) + 1
        data += b"trailer\n<</Size %d/Root %d 0 R%b>>\n" % (size, root, trailer)
        return bytes(data + b"startxref\n%d\n%%%%EOF\n" % start)


@dataclass(frozen=True)
class PdfPage:
    """A page: its size in points, its content, the images and forms it names, and other entries.

    resources: entries of its resource dictionary. entries: such as /Rotate or /CropBox.
    """

    size: tuple[float, float] = A4
    content: bytes = b""
    resources: bytes = b""
    entries: bytes = b""


def pdf_of(pages: Sequence[PdfPage], writer: PdfWriter | None = None) -> bytes:
    """A document with these pages; writer: has the objects that the pages refer to."""
    writer = writer or PdfWriter()
    tree = writer.reserve()
    kids = []
    for page in pages:
        content = writer.stream(b"", page.content)
        width, height = page.size
        box = b"[0 0 %g %g]" % (width, height)
        media = b"" if b"/MediaBox" in page.entries else b"/MediaBox" + box
        kids.append(
            writer.add(
                b"<</Type/Page/Parent %d 0 R%b/Contents %d 0 R/Resources<<%b>>%b>>"
                % (tree, media, content, page.resources, page.entries)
            )
        )
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    writer.set(tree, b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), listed))
    return writer.written(writer.add(b"<</Type/Catalog/Pages %d 0 R>>" % tree))


def card_pdf(texts: Sequence[str], entries: bytes = b"") -> bytes:
    """A page for each text, which is drawn as a card that fills it; fake recognizers read it."""
    writer = PdfWriter()
    return pdf_of([card_page(writer, text, entries) for text in texts], writer)


def card_page(writer: PdfWriter, text: str, entries: bytes = b"") -> PdfPage:
    """A page that is a card (see cards.py), one point for each of its pixels."""
    with Image.open(io.BytesIO(card(text))) as image:
        width, height = image.size
        pixels = image.convert("L").tobytes()
    number = writer.stream(
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        % (width, height),
        pixels,
        compress=True,
    )
    return image_page(number, (width, height), entries)


def image_page(number: int, size: tuple[float, float], entries: bytes = b"") -> PdfPage:
    """A page that the image with this number fills."""
    content = b"q %g 0 0 %g 0 0 cm /I Do Q" % size
    return PdfPage(size, content, b"/XObject<</I %d 0 R>>" % number, entries)


def jpeg_page(
    writer: PdfWriter, jpeg: bytes, size: tuple[float, float] = A4, entries: bytes = b""
) -> PdfPage:
    """A page that is one embedded JPEG."""
    with Image.open(io.BytesIO(jpeg)) as image:
        width, height = image.size
        space = b"/DeviceGray" if image.mode == "L" else b"/DeviceRGB"
    number = writer.stream(
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace%b/BitsPerComponent 8"
        b"/Filter/DCTDecode" % (width, height, space),
        jpeg,
    )
    return image_page(number, size, entries)


def text_page(
    lines: Sequence[str],
    size: tuple[float, float] = A4,
    font_size: float = 12,
    mode: int = 0,
    entries: bytes = b"",
) -> PdfPage:
    """A page with lines of text in Helvetica; mode: of rendering, 3 being invisible."""
    shown = b"".join(
        b"1 0 0 1 72 %g Tm (%b) Tj " % (size[1] - 72 - 1.5 * font_size * number, _escaped(line))
        for number, line in enumerate(lines)
    )
    content = b"BT /F %g Tf %d Tr %bET" % (font_size, mode, shown)
    return PdfPage(size, content, _HELVETICA, entries)


_HELVETICA = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"


def _escaped(text: str) -> bytes:
    encoded = text.encode("cp1252")
    for special in (b"\\", b"(", b")"):
        encoded = encoded.replace(special, b"\\" + special)
    return encoded


def nested_forms(levels: int = 9, times: int = 10) -> bytes:
    """A page that draws a form that draws a form …: times ** levels rectangles, in 2 KB."""
    writer = PdfWriter()
    inner = 0
    for _ in range(levels):
        body = b" ".join([b"/F Do"] * times) if inner else b"0 0 10 10 re f"
        resources = b"/Resources<</XObject<</F %d 0 R>>>>" % inner if inner else b""
        inner = writer.stream(b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]" + resources, body)
    return pdf_of([PdfPage(A4, b"/F Do", b"/XObject<</F %d 0 R>>" % inner)], writer)


def content_bomb(megabytes: int = 200) -> bytes:
    """A page whose content is this long, and has some hundred KB in the file."""
    operators = b"0 0 1 1 re f " * 80_000
    compressor = zlib.compressobj(9)
    packed = b"".join(
        compressor.compress(operators) for _ in range(max(1, (megabytes << 20) // len(operators)))
    )
    packed += compressor.flush()
    writer = PdfWriter()
    content = writer.stream(b"/Filter/FlateDecode", packed)
    tree = writer.reserve()
    page = writer.add(
        b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]/Contents %d 0 R>>" % (tree, content)
    )
    writer.set(tree, b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % page)
    return writer.written(writer.add(b"<</Type/Catalog/Pages %d 0 R>>" % tree))


def image_bomb(side: int = 40_000) -> bytes:
    """A page with an image of side x side pixels, which are all black."""
    compressor = zlib.compressobj(9)
    row = bytes(side)
    packed = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    writer = PdfWriter()
    number = writer.stream(
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        b"/Filter/FlateDecode" % (side, side),
        packed,
    )
    return pdf_of([image_page(number, A4)], writer)


def huge_page() -> bytes:
    """A page of 14,400 points with a unit of 1000."""
    return pdf_of([PdfPage((14_400, 14_400), entries=b"/UserUnit 1000")])


def page_tree_loop() -> bytes:
    """A page tree that contains itself."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 2/Kids[2 0 R 2 0 R]>>endobj\n"
        b"trailer<</Root 1 0 R/Size 3>>\n%%EOF\n"
    )


def false_count() -> bytes:
    """A document of one page that claims a hundred million."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 100000000/Kids[3 0 R]>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>endobj\n"
        b"trailer<</Root 1 0 R/Size 4>>\n%%EOF\n"
    )


def many_pages(count: int) -> bytes:
    """A document of so many empty pages."""
    return pdf_of([PdfPage()] * count)
