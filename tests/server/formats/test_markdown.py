"""Markdown, as a reader of CommonMark with GitHub's tables understands it."""

from __future__ import annotations

import random
import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ocr_engine.result import Block, Cell, Table
from server.formats.markdown import render_markdown
from tests.support.made_pages import DOCUMENT, SPANNING, line, page_of

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

TROUBLE = [
    "# no title",
    "####### seven",
    "#",
    "- no list",
    "+ no list",
    "* no list",
    "-",
    "1. no list",
    "1986) was a year",
    "2.",
    "> no quotation",
    "---",
    "- - -",
    "* * *",
    "_ _ _",
    "===",
    "```",
    "~~~ruby",
    "    four blanks",
    "\tcode",
    "*stars* and **more**",
    "_under_ __scores__ and snake_case",
    "中_文_字",
    "~~struck~~ and ~one~",
    "`code`",
    "[a link](http://example.org) ![image](x)",
    "[label]: http://example.org",
    "[^1]: a note",
    "<b>bold</b> <script>alert(1)</script>",
    "<http://example.org> <!-- a comment -->",
    "&amp; &lt; &#65; &copy;",
    "AT&T R&D",
    "a \\ backslash \\* and one at the end \\",
    "| a | b |",
    "a | b",
    "5 < 6 > 4",
    "x = y * z * w",
    "http://example.org/a_b_c?d=*e*",
    "!",
    "C#",
    "a #",
    "a # #",
    "\\# #",
    "\x00 and \x0b control \u2028 characters \ud800",
]


def paragraphs(text: str) -> list[tuple[str, str]]:
    """The tag and the text of each part that a reader sees."""
    tokens = READER.parse(text)
    found, tags = [], [""]
    for token in tokens:
        if token.nesting == 1:
            tags.append(token.tag)
        elif token.nesting == -1:
            tags.pop()
        elif token.type == "inline":
            tag = next(tag for tag in reversed(tags) if tag != "p") if "li" in tags else tags[-1]
            found.append((tag, seen(token)))
        else:
            found.append((token.type, token.content))
    return found


def seen(token: Token) -> str:
    """The text of a token; anything but text in it is named."""
    return "".join(
        child.content if child.type == "text" else f"<{child.type}>"
        for child in token.children or ()
    )


def as_shown(text: str) -> str:
    """What should be seen of a text: blanks for what ends lines, none around it."""
    return re.sub("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+", " ", text).strip()


def markdown(*blocks: Block) -> str:
    return render_markdown(page_of(*blocks))


def text_block(text: str) -> Block:
    return Block((line(text, 10, 10),))


@pytest.mark.parametrize("text", TROUBLE)
def test_any_text_is_a_paragraph(text: str) -> None:
    both = markdown(text_block(text), text_block("after it"))
    assert paragraphs(both) == [("p", as_shown(text)), ("p", "after it")]


@pytest.mark.parametrize("text", TROUBLE)
def test_any_text_is_a_title(text: str) -> None:
    title = Block((line(text, 10, 10),), "title", level=2)
    assert paragraphs(markdown(title)) == [("h2", as_shown(text))]


@pytest.mark.parametrize("text", [text for text in TROUBLE if text[0] not in "-+*12"])
def test_any_text_is_an_item(text: str) -> None:
    item = Block((line(f"• {text}", 10, 10),), "list")
    assert paragraphs(markdown(item, item)) == [("li", as_shown(text))] * 2


@pytest.mark.parametrize("text", TROUBLE)
def test_any_text_is_a_cell(text: str) -> None:
    cells = (Cell(0, 0, (0,)), Cell(0, 1, (1,)), Cell(1, 0), Cell(1, 1, (2,)))
    lines = (line("head", 10, 10), line(text, 90, 10), line(text, 90, 40))
    written = markdown(Block(lines, "table", table=Table(2, 2, cells, heading_rows=1)))
    shown = as_shown(text)
    assert paragraphs(written) == [("th", "head"), ("th", shown), ("td", ""), ("td", shown)]


def test_random_texts_survive() -> None:
    chooser = random.Random(22)
    alphabet = "#-+*_`~[]()<>!|\\&;:=.1 2a b北\t"
    for _ in range(3000):
        text = "".join(chooser.choices(alphabet, k=chooser.randint(1, 12)))
        if as_shown(text):
            assert paragraphs(markdown(text_block(text))) == [("p", as_shown(text))], text
            title = Block((line(text, 10, 10),), "title", level=1)
            assert paragraphs(markdown(title)) == [("h1", as_shown(text))], text


def test_a_page() -> None:
    assert render_markdown(DOCUMENT) == (
        "# A Trip # 1\n"
        "\n"
        "It rained all the morning, and then a s7ain\n"
        "\n"
        "我们到了北门。\n"
        "\n"
        "- bread\n"
        "- 2 \\* butter\n"
        "\n"
        "| Item | Price |\n"
        "| --- | --- |\n"
        "| milk | a\\|b |\n"
        "\n"
        "\\- 7 -\n"
    )


def test_levels_of_titles() -> None:
    titles = [Block((line("A", 1, 1),), "title", level=level) for level in (1, 3, 6, 9)]
    assert [tag for tag, _ in paragraphs(markdown(*titles))] == ["h1", "h3", "h6", "h6"]


@pytest.mark.parametrize(
    ("items", "written"),
    [
        (["1. one", "2. two"], "1. one\n2. two\n"),
        (["1.一", "2.二"], "1. 一\n2. 二\n"),
        (["3) three", "4) four"], "3) three\n4) four\n"),
        (["1. one", "3. three"], "1. one\n- 3\\. three\n"),
        (["1. one", "2) two"], "1. one\n- 2\\) two\n"),
        (["• a", "– b", "- c", "·d", "※ e"], "- a\n- b\n- c\n- d\n- e\n"),
        (["(a) first", "一、二"], "- (a) first\n- 一、二\n"),
        (["3.14 is pi", "-5 degrees"], "- 3.14 is pi\n- -5 degrees\n"),
        (["•"], "- •\n"),
    ],
)
def test_items_keep_their_numbers(items: list[str], written: str) -> None:
    blocks = [Block((line(item, 1, 1),), "list") for item in items]
    assert markdown(*blocks) == written


def test_a_list_ends_before_a_paragraph() -> None:
    item, text = Block((line("- a", 1, 1),), "list"), text_block("b")
    assert paragraphs(markdown(item, text, item)) == [("li", "a"), ("p", "b"), ("li", "a")]


def test_a_table_with_spans_is_html() -> None:
    assert markdown(SPANNING) == (
        "<table><thead>"
        '<tr><th colspan="3">Fares &amp; &lt;fees&gt;</th></tr>'
        "</thead><tbody>"
        '<tr><td rowspan="2">adults and children</td><td>3,50</td><td></td></tr>'
        "<tr><td>4,00</td><td></td></tr>"
        "</tbody></table>\n"
    )
    assert READER.parse(markdown(SPANNING, text_block("after")))[0].type == "html_block"


def test_a_table_of_several_headings_is_html() -> None:
    cells = (Cell(0, 0, (0,)), Cell(1, 0, (1,)))
    block = Block(
        (line("a", 1, 1), line("b", 1, 9)), "table", table=Table(2, 1, cells, heading_rows=2)
    )
    written = "<table><thead><tr><th>a</th></tr><tr><th>b</th></tr></thead></table>\n"
    assert markdown(block) == written
