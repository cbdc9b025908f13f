"""What else a PDF has: it survives in a PDF, and a PDF/A says what it could not have."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String, pdfa

from server.errors import PdfaImpossible
from server.formats.pdf.order import PdfMode, WrittenPdf
from tests.support.made_pdfs import made_pdf, opened, saved
from tests.support.text_layers import chars_line, in_pdfium, page_of_lines, white_image, written

OURS = page_of_lines([chars_line("newly read", 60, 900)], 850, 1100)
RECTANGLE = b"0.5 g 100 100 200 50 re f"


def rich_pdf() -> Pdf:
    """A document with links, a form, an outline, an attachment, a script and metadata."""
    pdf = made_pdf(RECTANGLE, pages=3)
    for page in pdf.pages:
        page.obj.Resources = Dictionary()
    link = Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=Array([10, 10, 60, 30]),
        Border=Array([0, 0, 0]),
        A=Dictionary(S=Name.URI, URI=String("https://example.com/")),
    )
    script = Dictionary(S=Name.JavaScript, JS=String("app.alert('x')"))
    appearance = pdf.make_stream(
        b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 100, 20])
    )
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String("name"),
            V=String("Ann"),
            F=4,
            Rect=Array([100, 300, 200, 320]),
            AP=Dictionary(N=appearance),
            AA=Dictionary(K=script),
        )
    )
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(link), field])
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), DA=String("/Helv 0 Tf 0 g"))
    pdf.Root.OpenAction = script
    pdf.attachments["notes.txt"] = pikepdf.AttachedFileSpec(pdf, b"an attachment")
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Chapter 2", 1))
    pdf.docinfo["/Title"] = "A title"
    return pdf


def rewritten(pdf: Pdf, tmp_path: Path, pdfa: bool = False) -> WrittenPdf:
    source = tmp_path / "source.pdf"
    source.write_bytes(saved(pdf))
    return written(source, [OURS], PdfMode(pdfa=pdfa))


def test_links_forms_outlines_and_attachments_survive(tmp_path: Path) -> None:
    made = rewritten(rich_pdf(), tmp_path)
    assert made.changes == ()
    with opened(made.data) as pdf:
        link, field = pdf.pages[0].obj.Annots
        assert str(link.A.URI) == "https://example.com/"
        assert (str(field.T), str(field.V), str(field.AA.K.JS)) == ("name", "Ann", "app.alert('x')")
        assert pdf.Root.AcroForm.Fields[0].objgen == field.objgen
        assert Name.JavaScript == pdf.Root.OpenAction.S
        assert pdf.attachments["notes.txt"].get_file().read_bytes() == b"an attachment"
        with pdf.open_outline() as outline:
            assert [item.title for item in outline.root] == ["Chapter 2"]
        assert str(pdf.docinfo["/Title"]) == "A title"
        assert len(pdf.pages) == 3
    assert in_pdfium(made.data) == "newly read"


def test_pdfa_says_what_it_could_not_have(tmp_path: Path) -> None:
    made = rewritten(rich_pdf(), tmp_path, pdfa=True)
    assert "dropped: 1 attachment" in made.changes
    assert "converted: the form is drawn, and cannot be filled in" in made.changes
    assert "dropped: 2 actions" in made.changes
    assert pdfa.validate_written(io.BytesIO(made.data), "2b").passed
    with opened(made.data) as pdf:
        assert str(pdf.pages[0].obj.Annots[0].A.URI) == "https://example.com/"
        assert "/OpenAction" not in pdf.Root
        assert "/AcroForm" not in pdf.Root
        assert len(pdf.attachments) == 0
        assert str(pdf.docinfo["/Title"]) == "A title"
    assert in_pdfium(made.data) == "newly read"


def test_annotations_with_media_are_dropped(tmp_path: Path) -> None:
    pdf = made_pdf(RECTANGLE)
    pdf.pages[0].obj.Resources = Dictionary()
    sound = Dictionary(Type=Name.Annot, Subtype=Name.Sound, F=4, Rect=Array([0, 0, 9, 9]))
    pdf.pages[0].obj.Annots = Array([sound])
    made = rewritten(pdf, tmp_path, pdfa=True)
    assert made.changes == ("dropped: 1 annotation with sound, video or files",)


def test_what_cannot_be_made_is_an_error_with_reasons(tmp_path: Path) -> None:
    pdf = made_pdf(b"BT /F 24 Tf 72 600 Td (a font that is not embedded) Tj ET")
    target = tmp_path / "target.pdf"
    source = tmp_path / "source.pdf"
    source.write_bytes(saved(pdf))
    with pytest.raises(PdfaImpossible, match=r"not embedded.*format=pdf"):
        written(source, [OURS], PdfMode(pdfa=True), target)
    assert not target.exists()


def test_a_server_without_the_packages_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pikepdf.pdfa", None)
    monkeypatch.delattr(pikepdf, "pdfa")
    with pytest.raises(PdfaImpossible, match="lacks the packages"):
        written(white_image(), [OURS], PdfMode(pdfa=True))
