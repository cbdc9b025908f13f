"""PDFs that are broken in some way, from a seed: for each, an answer or an error must come."""

from __future__ import annotations

import io
import random
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Literal

import pikepdf

from tests.support.pdfs import (
    PdfPage,
    PdfWriter,
    card_pdf,
    false_count,
    huge_page,
    many_pages,
    nested_forms,
    page_tree_loop,
    pdf_of,
    text_page,
)

Random = random.Random

BOXES = (
    b"[0 0 0 0]", b"[595 842 0 0]", b"[-100 -100 495 742]", b"[0 0 1e9 1e9]", b"[0 0 1e-9 1e-9]",
    b"[0 0 595]", b"[]", b"null", b"(text)", b"[/A /B /C /D]", b"[0 0 5.95e2 8.42e2]",
    b"[1000 1000 2000 2000]", b"[0 0 NaN inf]", b"[99999999999999999999 0 1 1]",
)  # fmt: skip
CONTENTS = (
    b"q " * 5000, b"Q " * 5000, b"BT BT BT ET", b"/Missing Do", b"/Missing gs", b"1 0 0 rg" * 1000,
    b"0 0 0 0 0 0 cm /I Do", b"1e38 0 0 1e38 0 0 cm 0 0 1 1 re f", b"BI /W 1 /H 1 ID x EI",
    b"BI /W 99999 /H 99999 /BPC 8 /CS /RGB ID x EI", b"\xff\xfe\x00" * 999, b"(((((" * 999,
    b"[" * 9999, b"<<" * 999, b"1 " * 99_999, b"0 w 0 0 m 1 1 l S " * 5000,
    b"BT /F 1e9 Tf (x) Tj ET", b"BT /F -12 Tf 3 Tr (x) Tj ET", b"/Pattern cs /P scn 0 0 9 9 re f",
)  # fmt: skip
IMAGES = (
    b"/Width 0/Height 0", b"/Width -1/Height 5", b"/Width 99999/Height 99999", b"/Width 10",
    b"/Width 10/Height 10/BitsPerComponent 7", b"/Width 10/Height 10/ColorSpace/Nowhere",
    b"/Width 10/Height 10/ColorSpace[/Indexed/DeviceRGB 255(x)]/BitsPerComponent 8",
    b"/Width 10/Height 10/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
    b"/Width 10/Height 10/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode",
    b"/Width 10/Height 10/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode",
    b"/Width 10/Height 10/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/JPXDecode",
    b"/Width 10/Height 10/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/LZWDecode",
    b"/Width 10/Height 10/ColorSpace/DeviceGray/BitsPerComponent 8/Filter[/A85 /Fl /A85]",
    b"/Width 10/Height 10/ImageMask true/Decode[1 0]", b"/Width 10/Height 10/SMask 1 0 R",
)  # fmt: skip


def with_box(random: Random) -> bytes:
    name = random.choice((b"MediaBox", b"CropBox"))
    entries = b"/%b %b/Rotate %d" % (name, random.choice(BOXES), random.choice((0, 90, 45, -90)))
    return pdf_of([text_page(["a page"], entries=entries)])


def with_content(random: Random) -> bytes:
    content = random.choice(CONTENTS) + b" " + random.choice(CONTENTS)
    return pdf_of([PdfPage(content=content, resources=text_page([]).resources)])


def with_image(random: Random) -> bytes:
    writer = PdfWriter()
    data = random.randbytes(random.choice((0, 10, 3000)))
    number = writer.stream(b"/Type/XObject/Subtype/Image" + random.choice(IMAGES), data)
    content = b"q 595 0 0 842 0 0 cm /I Do Q"
    return pdf_of([PdfPage(content=content, resources=b"/XObject<</I %d 0 R>>" % number)], writer)


def with_loop(random: Random) -> bytes:
    """A form that draws itself, or a page whose parent is a page."""
    writer = PdfWriter()
    form = writer.reserve()
    body = b"/F Do " * random.choice((1, 3))
    writer.set(
        form,
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>"
        b"/Length %d>>\nstream\n%b\nendstream" % (form, len(body), body),
    )
    return pdf_of([PdfPage(content=b"/F Do", resources=b"/XObject<</F %d 0 R>>" % form)], writer)


def cut(random: Random) -> bytes:
    whole = card_pdf(["cut", "off"])
    return whole[: random.randrange(10, len(whole))]


def mutated(random: Random) -> bytes:
    data = bytearray(card_pdf(["changed", "somewhere"]))
    for _ in range(random.choice((1, 5, 50))):
        data[random.randrange(9, len(data))] = random.randrange(256)
    return bytes(data)


def with_numbers(random: Random) -> bytes:
    """Numbers that are others: lengths, references, offsets."""
    wrong = [b"0", b"-1", b"999999999999", b"2", b"1"]
    data = card_pdf(["numbers"])
    places = list(re.finditer(rb"(?<![\w.])\d+(?![\w.])", data))
    for match in random.sample(places, 3):
        value = random.choice(wrong)[: len(match[0])].rjust(len(match[0]), b" ")
        data = data[: match.start()] + value + data[match.end() :]
    return data


def padded(random: Random) -> bytes:
    """Something in front of the header, and behind the end."""
    junk = random.randbytes(random.choice((3, 500, 900)))
    return junk + card_pdf(["padded"]) + random.randbytes(2000)


def encrypted(random: Random) -> bytes:
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf(["encrypted"]))) as pdf:
        user = random.choice(("", "u"))
        revision: Literal[2, 3, 4, 6] = random.choice((2, 3, 4, 6))
        strong = revision >= 4
        pdf.save(
            written,
            encryption=pikepdf.Encryption(
                owner="o", user=user, R=revision, aes=strong, metadata=strong
            ),
        )
    return written.getvalue()


def compressed(random: Random) -> bytes:
    """Objects in streams, of which some do not unpack."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf(["streams"]))) as pdf:
        pdf.save(written, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    data = bytearray(written.getvalue())
    place = random.randrange(len(data) // 2, len(data))
    data[place : place + 20] = random.randbytes(20)
    return bytes(data)


def bomb(random: Random) -> bytes:
    return random.choice(
        (
            lambda: nested_forms(random.choice((3, 9))),
            huge_page,
            page_tree_loop,
            false_count,
            lambda: many_pages(500),
            lambda: pdf_of([PdfPage(content=zlib.decompress(zlib.compress(b"0 0 m " * 99_999)))]),
        )
    )()


KINDS: tuple[Callable[[Random], bytes], ...] = (
    with_box, with_content, with_image, with_loop, cut, mutated, with_numbers, padded, encrypted,
    compressed, bomb,
)  # fmt: skip


def odd_pdfs(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """So many odd PDFs, each with a name."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        chance = Random(seed * 10_000 + number)
        yield f"{number} {kind.__name__}", kind(chance)
