"""PDFs made with pikepdf: odd pages, text that is already there, and parts that must survive."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

LETTER = (0, 0, 612, 792)
# Shapes in three colours, none of them symmetric.
DRAWING = (
    b"1 0 0 rg 100 100 200 50 re f 0 0 1 rg 120 500 30 200 re f 0 0.6 0 RG 90 90 m 500 700 l S"
)


def helvetica() -> Dictionary:
    """A font that every program has, as a new object."""
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type1,
        BaseFont=Name.Helvetica,
        Encoding=Name.WinAnsiEncoding,
    )


def page_entries(**entries: Any) -> dict[str, Any]:
    """Entries of a page, with letter paper as the default."""
    return {"MediaBox": Array(LETTER), **entries}


def made_pdf(
    content: bytes = DRAWING,
    entries: Mapping[str, Any] | None = None,
    pages: int = 1,
) -> Pdf:
    """A document whose pages have this content."""
    pdf = Pdf.new()
    for _ in range(pages):
        page = Dictionary(Type=Name.Page, **page_entries(**(entries or {})))
        page.Resources = Dictionary(Font=Dictionary(F=helvetica()))
        page.Contents = pdf.make_stream(content)
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    return pdf


def saved(pdf: Pdf, **options: Any) -> bytes:
    """The bytes of the document."""
    made = io.BytesIO()
    pdf.save(made, **options)
    return made.getvalue()


def opened(data: bytes) -> Pdf:
    """The document in these bytes."""
    return pikepdf.open(io.BytesIO(data))


def text(words: str, mode: int, x: int = 72, y: int = 600) -> bytes:
    """A text object in Helvetica with this rendering mode."""
    return b"BT /F 24 Tf %d Tr 1 0 0 1 %d %d Tm (%b) Tj ET " % (mode, x, y, words.encode())


def signed_pdf() -> bytes:
    """A document with a field that holds a signature."""
    pdf = made_pdf()
    signature = Dictionary(Type=Name.Sig, ByteRange=Array([0, 10, 20, 30]), Contents=b"\0" * 10)
    inner = Dictionary(FT=Name.Sig, T="signature", V=pdf.make_indirect(signature))
    outer = Dictionary(T="group", Kids=Array([pdf.make_indirect(inner)]))
    pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(outer)]), SigFlags=3)
    return saved(pdf)


def page_tree_loop() -> bytes:
    """A page tree that contains itself."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 2/Kids[2 0 R 2 0 R]>>endobj\n"
        b"trailer<</Root 1 0 R/Size 3>>\n%%EOF\n"
    )
