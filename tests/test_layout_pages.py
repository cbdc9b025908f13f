"""The layout set: its pages are the same each time, and their lines are found in the browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page as Tab

from layout_set import browser, store
from layout_set.browser import browser_tab, draw
from layout_set.debian_texts import parts_of
from layout_set.kinds import KINDS, needs_debian, sheet
from layout_set.matching import match_lines
from layout_set.sheet import Sheet, block, document
from layout_set.truth import Part, TrueCell, TruePage
from ocr_engine.geometry import LevelBox


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not needs_debian(kind)])
def test_a_page_is_the_same_each_time_and_differs_between_the_halves(kind: str) -> None:
    assert sheet(kind, "test", 3) == sheet(kind, "test", 3)
    assert sheet(kind, "test", 3) != sheet(kind, "tuning", 3)
    assert sheet(kind, "test", 3) != sheet(kind, "test", 4)


def test_the_parts_of_a_document_come_without_tables_and_navigation(tmp_path: Path) -> None:
    path = tmp_path / "chapter.en.html"
    path.write_text(
        """<html><body>
        <div class="navheader"><p>Next</p></div>
        <h2>1.2. Packages<a href="#x">¶</a></h2>
        <p>Some   <code>text</code>
           in a paragraph.</p>
        <div class="para">A paragraph of the handbook.</div>
        <ul><li><p>first</p><p>more of it</p><ol><li>inner</li><li>other</li></ol></li></ul>
        <table><tr><td><p>a cell</p></td></tr></table>
        <pre>$ apt update
$ apt upgrade</pre>
        </body></html>""",
        encoding="utf-8",
    )
    assert parts_of(path) == (
        Part("title", "1.2. Packages", 2),
        Part("text", "Some text in a paragraph."),
        Part("text", "A paragraph of the handbook."),
        Part("list", "• first", 1),
        Part("text", "more of it", 1),
        Part("list", "1. inner", 2),
        Part("list", "2. other", 2),
        Part("code", "$ apt update\n$ apt upgrade"),
    )


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser_tab(tmp_path_factory.mktemp("layout_set")) as tab:
        yield tab


CSS = "body { font: 20px/30px sans-serif; } #page { padding: 20px; }"


def test_lines_of_columns_come_in_the_order_of_the_document(tab: Tab) -> None:
    words = " ".join(["column"] * 24)
    text = block("title", "Title") + (
        '<div data-clip style="columns: 2; height: 90px; column-gap: 40px; overflow: hidden">'
        f"{block('text', words)}</div>"
    )
    image, truth = draw(tab, Sheet(document(f'<div id="page">{text}</div>', CSS, "en"), 500))
    assert Image.open(io.BytesIO(image)).size == (truth.width, truth.height) == (500, 160)
    # Three lines fit into each column; what overflows is not there.
    assert [each.block for each in truth.lines] == [0, 1, 1, 1, 1, 1, 1]
    lefts = [each.box[0][0] for each in truth.lines]
    assert lefts == [20, 20, 20, 20, 270, 270, 270]
    tops = [each.box[0][1] for each in truth.lines]
    assert tops[1:4] == tops[4:] == sorted(tops[1:4])
    assert {each.text.replace("column", "").strip() for each in truth.lines[1:]} == {""}


def test_every_line_box_holds_its_ink(tab: Tab) -> None:
    text = block("text", "Ink and more ink") + block("text", "below")
    body = f'<div id="page">{text}</div>'
    for degrees in (0.0, 2.5):
        image, truth = draw(tab, Sheet(document(body, CSS, "en"), 300).turned(degrees))
        grey = np.asarray(Image.open(io.BytesIO(image)).convert("L"))
        for each in truth.lines:
            (left, top), _, (right, bottom), _ = each.box
            assert grey[top:bottom, left:right].min() < 100
        down, across = np.nonzero(grey < 100)
        inside = match_lines(
            [each.box for each in truth.lines],
            [
                LevelBox(x, y, x + 1, y + 1).quad
                for x, y in zip(across.tolist(), down.tolist(), strict=True)
            ],
        )
        assert sum(map(len, inside)) >= 0.97 * len(across)


def test_vertical_lines_run_from_the_right(tab: Tab) -> None:
    text = block("text", "あいうえおかきくけ")
    body = f'<div style="writing-mode: vertical-rl; height: 110px">{text}</div>'
    _, truth = draw(tab, Sheet(document(body, CSS, "ja"), 300))
    assert "".join(each.text for each in truth.lines) == "あいうえおかきくけ"
    lefts = [each.box[0][0] for each in truth.lines]
    assert len(lefts) > 1
    assert lefts == sorted(lefts, reverse=True)
    assert truth.blocks[0].vertical


def test_cells_know_their_place_and_their_rules(tab: Tab) -> None:
    rows = (
        '<tr><td data-block="cell" rowspan="2">a</td><td data-block="cell" colspan="2">b</td></tr>'
        '<tr><td data-block="cell">c</td><td data-block="cell"></td></tr>'
    )
    css = f"{CSS} td {{ border: 2px solid; width: 60px }}"
    _, truth = draw(tab, Sheet(document(f"<table>{rows}</table>", css, "en"), 300))
    assert truth.tables == (
        (
            TrueCell(0, 0, 2, 1, "a"),
            TrueCell(0, 1, 1, 2, "b"),
            TrueCell(1, 1, 1, 1, "c"),
            TrueCell(1, 2, 1, 1, ""),
        ),
    )
    assert [each.text for each in truth.lines] == ["a", "b", "c"]
    assert {each.table for each in truth.blocks} == {0}
    assert len(truth.rules) >= 8
    assert TruePage.from_json(truth.to_json()) == truth


def test_a_page_is_drawn_again_only_if_it_has_changed(
    tab: Tab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    monkeypatch.setattr(store, "fetch_fonts", lambda: None)
    monkeypatch.setattr(browser, "browser_tab", lambda _: nullcontext(tab))
    (drawn,) = store.pages("test", ["receipts"], 1)
    assert drawn.truth.lines
    with Image.open(drawn.path) as image:
        assert image.size == (drawn.truth.width, drawn.truth.height)
    assert capsys.readouterr().out == "drawing 1 pages ...\n"
    assert store.pages("test", ["receipts"], 1) == [drawn]
    assert capsys.readouterr().out == ""
    other = sheet("receipts", "tuning", 0)
    monkeypatch.setattr(store, "sheet", lambda *_: other)
    (again,) = store.pages("test", ["receipts"], 1)
    assert again.truth != drawn.truth
    assert capsys.readouterr().out == "drawing 1 pages ...\n"
