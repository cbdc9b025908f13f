"""Text that is already there: invisible text is replaced, everything else stays."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from server.formats.pdf.order import PdfMode
from tests.support.made_pdfs import DRAWING, helvetica, made_pdf, opened, saved, text
from tests.support.text_layers import chars_line, in_pdfium, page_of_lines, rendered, written

OURS = page_of_lines([chars_line("newly read", 60, 900)], 850, 1100)


def rewritten(pdf: pikepdf.Pdf, tmp_path: Path, replace_text: bool = True) -> bytes:
    """The PDF with a new text, which looks as before."""
    before = tmp_path / "before.pdf"
    before.write_bytes(saved(pdf))
    after = tmp_path / "after.pdf"
    written(before, [OURS], PdfMode(replace_text=replace_text), after)
    assert looks(after) == looks(before)
    return after.read_bytes()


def looks(pdf: Path) -> bytes:
    image: Image.Image = rendered(pdf, scale=2)
    return image.convert("RGB").tobytes()


def test_invisible_text_is_replaced(tmp_path: Path) -> None:
    pdf = made_pdf(DRAWING + b" " + text("old layer", 3))
    assert in_pdfium(rewritten(pdf, tmp_path)) == "newly read"


def test_invisible_text_is_kept_if_that_is_asked_for(tmp_path: Path) -> None:
    pdf = made_pdf(DRAWING + b" " + text("old layer", 3))
    found = in_pdfium(rewritten(pdf, tmp_path, replace_text=False))
    assert sorted(found.split("\n")) == ["newly read", "old layer"]


def test_visible_text_stays(tmp_path: Path) -> None:
    pdf = made_pdf(text("printed", 0) + text("old layer", 3, y=400) + text("more", 0, y=200))
    found = in_pdfium(rewritten(pdf, tmp_path))
    assert sorted(found.split("\n")) == ["more", "newly read", "printed"]


def test_a_mode_that_outlasts_its_text_object_stays_in_force(tmp_path: Path) -> None:
    content = b"q " + text("hidden", 3) + b"BT /F 20 Tf 72 300 Td (hidden as well) Tj ET Q "
    found = in_pdfium(rewritten(made_pdf(content + text("seen", 0)), tmp_path))
    assert sorted(found.split("\n")) == ["newly read", "seen"]


def test_a_text_object_that_also_shows_something_stays(tmp_path: Path) -> None:
    content = b"BT /F 24 Tf 72 600 Td 3 Tr (hidden ) Tj 0 Tr (seen behind it) Tj ET"
    assert "hidden seen behind it" in in_pdfium(rewritten(made_pdf(content), tmp_path))


def test_all_operators_that_show_text(tmp_path: Path) -> None:
    content = (
        b"BT /F 24 Tf 30 TL 72 600 Td 3 Tr (one) Tj [(t) 5 (wo)] TJ (three) ' "
        b'5 2 (four) " ET BT /F 24 Tf 72 300 Td 0 Tr (seen) Tj ET'
    )
    found = rewritten(made_pdf(content), tmp_path)
    assert sorted(in_pdfium(found).split("\n")) == ["newly read", "seen"]
    with opened(found) as again:
        left = again.pages[0].obj.Contents[1].read_bytes()
    assert b"5 Tw" in left
    assert b"2 Tc" in left


def test_invisible_text_in_forms_is_replaced(tmp_path: Path) -> None:
    pdf = made_pdf(b"/X Do " + DRAWING, pages=2)
    inner = pdf.make_stream(
        text("in the inner form", 3),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 612, 792]),
        Resources=Dictionary(Font=Dictionary(F=helvetica())),
    )
    outer = pdf.make_stream(
        b"/Y Do " + text("in the outer form", 3),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 612, 792]),
        Resources=Dictionary(Font=Dictionary(F=helvetica()), XObject=Dictionary(Y=inner)),
    )
    outer.Resources.XObject.Z = outer  # a form that contains itself
    for page in pdf.pages:
        page.obj.Resources = Dictionary(XObject=Dictionary(X=outer))
    found = rewritten(pdf, tmp_path)
    assert in_pdfium(found) == "newly read"
    assert in_pdfium(found, 1) == ""  # the form belongs to both pages


def test_type_3_fonts_are_drawn_in_every_mode(tmp_path: Path) -> None:
    pdf = made_pdf(b"BT /T 100 Tf 3 Tr 100 400 Td (a) Tj ET")
    glyph = pdf.make_stream(b"1000 0 0 0 750 750 d1 0 0 750 750 re f")
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, 750, 750]),
        FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
        CharProcs=Dictionary(square=glyph),
        Encoding=Dictionary(Type=Name.Encoding, Differences=Array([97, Name.square])),
        FirstChar=97,
        LastChar=97,
        Widths=Array([1000]),
    )
    pdf.pages[0].obj.Resources = Dictionary(Font=Dictionary(T=font))
    with opened(rewritten(pdf, tmp_path)) as found:
        assert b"(a) Tj" in found.pages[0].obj.Contents[1].read_bytes()


@pytest.mark.parametrize("contents", ["array", "missing", "broken"])
def test_content_in_other_forms(tmp_path: Path, contents: str) -> None:
    pdf = made_pdf()
    page = pdf.pages[0].obj
    if contents == "array":
        parts = [pdf.make_stream(each) for each in (b"q BT /F 9 Tf 3 Tr", b"(old) Tj ET Q")]
        page.Contents = Array(parts)
    elif contents == "missing":
        del page.Contents
    else:
        page.Contents = Array([pdf.make_stream(DRAWING), 7, Name.Nothing])
    assert in_pdfium(rewritten(pdf, tmp_path)) == "newly read"


def test_pages_may_share_their_content_and_resources(tmp_path: Path) -> None:
    pdf = made_pdf(pages=3)
    first = pdf.pages[0].obj
    first.Resources = pdf.make_indirect(first.Resources)
    first.Contents = pdf.make_indirect(Array([first.Contents]))
    first.Resources.Font.OcrText = helvetica()  # a name that is taken
    for page in pdf.pages:
        page.obj.Resources, page.obj.Contents = first.Resources, first.Contents
    before = tmp_path / "before.pdf"
    before.write_bytes(saved(pdf))
    pages = [page_of_lines([chars_line(each, 60, 60)], 850, 1100) for each in ("one", "two")]
    made = written(before, pages).data
    assert [in_pdfium(made, number) for number in range(3)] == ["one", "two", ""]
    with opened(made) as again:
        fonts = again.pages[0].obj.Resources.Font
        assert sorted(fonts.keys()) == ["/F", "/OcrText", "/OcrText1"]


def test_what_is_written_twice_has_the_text_once(tmp_path: Path) -> None:
    path = tmp_path / "source.pdf"
    path.write_bytes(saved(made_pdf()))
    for _ in range(3):
        path.write_bytes(written(path, [OURS]).data)
    assert in_pdfium(path) == "newly read"
    assert len(pikepdf.open(io.BytesIO(path.read_bytes())).pages) == 1
