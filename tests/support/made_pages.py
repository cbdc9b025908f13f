"""Pages with titles, lists, tables and columns, made by hand, for the output formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ocr_engine.geometry import LevelBox, Quad
from ocr_engine.result import Block, Cell, Document, Line, Page, Table, Word

WIDTH, HEIGHT = 400, 500


def box(left: int, top: int, width: int = 80, height: int = 20) -> Quad:
    return LevelBox(left, top, left + width, top + height).quad


def line(text: str, left: int, top: int, width: int = 80, confidence: float = 0.9) -> Line:
    return Line(text, confidence, box(left, top, width))


def with_words(document: Document) -> Document:
    """The same lines with their words, which are separated by spaces."""

    def worded(line: Line) -> Line:
        words = (Word(text, line.confidence, line.box) for text in line.text.split())
        return replace(line, words=tuple(words))

    (page,) = document.pages
    blocks = (replace(block, lines=tuple(map(worded, block.lines))) for block in page.blocks)
    return replace(document, pages=(replace(page, blocks=tuple(blocks)),))


# A title over two columns, then a list and a table.
TITLE = line("A Trip # 1", 10, 10, 300)
LEFT = (line("It rained all the mor-", 10, 50, 150), line("ning, and then", 10, 70, 150))
WEAK = line("a s7ain", 60, 90, 40, confidence=0.3)
RIGHT = (line("我们到了", 220, 50, 150), line("北门。", 220, 70, 60))
ITEMS = (line("• bread", 10, 130), line("• 2 * butter", 10, 150))
CELLS = (
    line("Item", 10, 200),
    line("Price", 200, 200),
    line("milk", 10, 220),
    line("a|b", 200, 220),
)
FOOTER = line("- 7 -", 180, 470)

BLOCKS = (
    Block((TITLE,), "title", area=0, level=1),
    Block((*LEFT, WEAK), area=1),
    Block(RIGHT, area=2),
    Block((ITEMS[0],), "list", area=3),
    Block((ITEMS[1],), "list", area=3),
    Block(
        CELLS,
        "table",
        area=3,
        table=Table(
            2,
            2,
            (Cell(0, 0, (0,)), Cell(0, 1, (1,)), Cell(1, 0, (2,)), Cell(1, 1, (3,))),
            heading_rows=1,
        ),
    ),
    Block((FOOTER,), "footer", area=4),
)
# Title, then each left line with the right one at its height.
RASTER = (0, 1, 4, 2, 5, 3, *range(6, 13))
PAGE = Page(WIDTH, HEIGHT, BLOCKS, raster=RASTER)
DOCUMENT = Document((PAGE,))
TEXTS = [each.text for each in PAGE.lines]
SHOWN = [each.text for each in PAGE.lines if each is not WEAK]

# What `ocr-server recognize` prints of the page with some of its arguments.
RENDERED = [
    ([], "\n".join(SHOWN) + "\n"),
    (
        ["--option", "order=raster", "--option", "drop_score=0"],
        "\n".join(TEXTS[position] for position in RASTER) + "\n",
    ),
    (
        ["--option", "text=paragraphs"],
        "A Trip # 1\nIt rained all the morning, and then\n我们到了北门。\n• bread\n"
        "• 2 * butter\nItem\tPrice\nmilk\ta|b\n- 7 -\n",
    ),
    (
        ["--format", "markdown"],
        "# A Trip # 1\n\nIt rained all the morning, and then\n\n我们到了北门。\n\n- bread\n"
        "- 2 \\* butter\n\n| Item | Price |\n| --- | --- |\n| milk | a\\|b |\n\n\\- 7 -\n",
    ),
]

# A table with a cell over two columns, one over two rows of two lines, and an empty one.
SPANNING = Block(
    (
        line("Fares & <fees>", 10, 10, 300),
        line("adults", 10, 40),
        line("and chil-", 10, 60),
        line("dren", 10, 80),
        line("3,50", 200, 40),
        line("4,00", 200, 70),
    ),
    "table",
    table=Table(
        3,
        3,
        (
            Cell(0, 0, (0,), column_span=3),
            Cell(1, 0, (1, 2, 3), row_span=2),
            Cell(1, 1, (4,)),
            Cell(1, 2),
            Cell(2, 1, (5,)),
            Cell(2, 2),
        ),
        heading_rows=1,
    ),
)


def in_areas(*groups: Sequence[Line], width: int = 640, height: int = 480) -> Document:
    """A page with each group of lines in a block and an area of its own."""
    blocks = (Block(tuple(lines), area=area) for area, lines in enumerate(groups))
    return Document((Page(width, height, tuple(blocks)),))


def page_of(*blocks: Block) -> Document:
    return Document((Page(WIDTH, HEIGHT, blocks),))


def image_document(
    width: int, height: int, lines: Iterable[Line], frames: int = 1, angle: int = 0
) -> Document:
    """A document of one page whose lines are one block."""
    lines = tuple(lines)
    blocks = (Block(lines),) if lines else ()
    return Document((Page(width, height, blocks, angle=angle),), frames)
