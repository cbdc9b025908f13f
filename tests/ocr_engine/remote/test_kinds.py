"""The grammars of each kind of model; the answers were written for these tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from ocr_engine.errors import BackendFailed
from ocr_engine.remote.documents import document_of
from ocr_engine.remote.fitting import Target
from ocr_engine.remote.kinds.kind import Fields, Place, SentImage
from ocr_engine.remote.kinds.mineru import LAYOUT_PROMPT, PROMPTS, SYSTEM, TEXT_PROMPT
from ocr_engine.remote.kinds.paddleocr_vl import SPOTTING
from ocr_engine.remote.kinds.registry import KINDS
from ocr_engine.remote.parts import BadAnswer, Part
from ocr_engine.result import Page
from ocr_engine.result_json import from_json, with_blocks

SIZE = (1000, 500)


class Scripted:
    """A session whose model gives these answers, in order or by prompt."""

    def __init__(self, *answers: str, prompt: str | None = None, **by_prompt: str) -> None:
        self.prompt = prompt
        self.asked: list[tuple[str, Fields, str]] = []
        self.targets: list[Target] = []
        self.places: Sequence[Place] = ()
        self._answers = list(answers)

    async def page(self, target: Target) -> SentImage:
        self.targets.append(target)
        return SentImage(500, 250, "image/jpeg", b"")

    async def crops(self, places: Sequence[Place], target: Target) -> list[SentImage]:
        self.places = places
        return [SentImage(10, 10, "image/png", b"") for _ in places]

    async def ask(self, image: SentImage, prompt: str, fields: Fields, system: str = "") -> str:
        self.asked.append((prompt, fields, system))
        return self._answers.pop(0)


def read(kind: str, *answers: str, prompt: str | None = None) -> tuple[list[Part], Scripted]:
    session = Scripted(*answers, prompt=prompt)
    return asyncio.run(KINDS[kind].read(session)), session


def page_of(parts: list[Part], angle: int = 0) -> Page:
    """The page of an image; its JSON is accepted again."""
    document = document_of(parts, SIZE, angle)
    assert from_json(json.loads(json.dumps(with_blocks(document)))) == document
    return document.pages[0]


def test_plain_text_has_an_equal_part_of_the_page_for_each_line() -> None:
    parts, session = read("text", "first\n\n second \nthird")
    page = page_of(parts)
    assert page.text == "first\nsecond\nthird"
    assert [line.box[0][1] for line in page.lines] == [0, 166, 333]
    assert {line.box[1][0] for line in page.lines} == {1000}
    assert (page.boxes_of, page.unscored, page.confidence) == ("page", True, 1.0)
    assert session.asked[0][1]["temperature"] == 0


@pytest.mark.parametrize("kind", ["text", "paddleocr-vl", "deepseek-ocr", "dots-ocr", "mineru"])
def test_an_image_without_text(kind: str) -> None:
    page = page_of(read(kind, " \n")[0])
    assert (page.blocks, page.text) == ((), "")


@pytest.mark.parametrize(
    "answer",
    [
        "Sea<|LOC_100|><|LOC_200|><|LOC_300|><|LOC_200|><|LOC_300|><|LOC_400|><|LOC_100|>"
        "<|LOC_400|>\nBreeze <|LOC_500|><|LOC_0|><|LOC_1000|><|LOC_0|><|LOC_1000|><|LOC_100|>"
        "<|LOC_500|><|LOC_100|>",
        "<|TEXT_START|>Sea<|TEXT_END|><|LOC_BEGIN|><|LOC_100|><|LOC_200|><|LOC_300|><|LOC_200|>"
        "<|LOC_300|><|LOC_400|><|LOC_100|><|LOC_400|><|LOC_END|><|TEXT_START|>Breeze<|TEXT_END|>"
        "<|LOC_BEGIN|><|LOC_500|><|LOC_0|><|LOC_1000|><|LOC_0|><|LOC_1000|><|LOC_100|><|LOC_500|>"
        "<|LOC_100|><|LOC_END|>",
    ],
    ids=["after the text", "between marks"],
)
def test_paddleocr_vl_spots_lines(answer: str) -> None:
    parts, session = read("paddleocr-vl", answer, prompt=SPOTTING)
    page = page_of(parts)
    assert [(line.text, line.box) for line in page.lines] == [
        ("Sea", ((100, 100), (300, 100), (300, 200), (100, 200))),
        ("Breeze", ((500, 0), (1000, 0), (1000, 50), (500, 50))),
    ]
    assert page.boxes_of == "line"
    prompt, fields, _ = session.asked[0]
    assert (prompt, fields["skip_special_tokens"]) == (SPOTTING, False)
    assert fields["mm_processor_kwargs"]["max_pixels"] == 1_605_632


def test_paddleocr_vl_reads_a_table() -> None:
    parts, _ = read(
        "paddleocr-vl", "<fcel>A<fcel>B<nl><fcel>1<ecel><nl>", prompt="Table Recognition:"
    )
    (block,) = page_of(parts).blocks
    assert block.table is not None
    assert (block.table.rows, block.table.columns) == (2, 2)
    assert [line.text for line in block.lines] == ["A", "B", "1"]
    assert block.lines[2].box == ((0, 250), (500, 250), (500, 500), (0, 500))


def test_corners_in_another_order_are_put_right() -> None:
    parts, _ = read(
        "paddleocr-vl",
        "x<|LOC_300|><|LOC_400|><|LOC_300|><|LOC_200|><|LOC_100|><|LOC_200|><|LOC_100|><|LOC_400|>",
    )
    assert page_of(parts).lines[0].box == ((100, 100), (300, 100), (300, 200), (100, 200))


def test_deepseek_reads_blocks_of_a_page() -> None:
    parts, session = read(
        "deepseek-ocr",
        "<|ref|>title<|/ref|><|det|>[[0, 0, 999, 99]]<|/det|>\n# A title\n\n"
        "<|ref|>text<|/ref|><|det|>[[100, 200, 499, 400], [100, 400, 899, 600]]<|/det|>\n"
        "One line\nand another\n\n"
        "<|ref|>image<|/ref|><|det|>[[0, 600, 100, 700]]<|/det|>\n![](images/0.jpg)\n"
        "<|ref|>table<|/ref|><|det|>[[0, 700, 999, 999]]<|/det|>\n"
        "<table><tr><td>a</td><td>b</td></tr></table><｜end▁of▁sentence｜>",
    )
    page = page_of(parts)
    kinds = [(block.type, block.level, len(block.lines)) for block in page.blocks]
    assert kinds == [("title", 1, 1), ("text", 0, 2), ("table", 0, 2)]
    assert page.text == "A title\nOne line\nand another\na\nb"
    assert page.lines[0].box == ((0, 0), (1000, 0), (1000, 50), (0, 50))
    assert page.lines[1].box == ((100, 100), (900, 100), (900, 200), (100, 200))
    assert page.boxes_of == "block"
    prompt, fields, _ = session.asked[0]
    assert prompt.startswith("<|grounding|>")
    assert fields["skip_special_tokens"] is False


def test_deepseek_reads_lines_whose_text_is_the_label() -> None:
    parts, _ = read(
        "deepseek-ocr",
        "<|ref|>SEA BREEZE<|/ref|><|det|>[[100, 100, 500, 200]]<|/det|>\n"
        "<|ref|>BOOKS<|/ref|><|det|>[[100, 200, 500, 300]]<|/det|>",
        prompt="<|grounding|>OCR this image.",
    )
    page = page_of(parts)
    assert [line.text for line in page.lines] == ["SEA BREEZE", "BOOKS"]
    assert page.boxes_of == "line"


def test_deepseek_without_grounding() -> None:
    page = page_of(read("deepseek-ocr", "# Menu\n\nTea\nCoffee", prompt="Free OCR.")[0])
    assert [block.type for block in page.blocks] == ["title", "text"]
    assert page.boxes_of == "page"


@pytest.mark.parametrize(
    "boxes", ["[[1,2,3]]", "[[1,2,3,'4']]", "__import__('os')", "[[1,2,3,true]]", "[" * 5000, "[]"]
)
def test_boxes_that_are_none(boxes: str) -> None:
    answer = f"<|ref|>text<|/ref|><|det|>{boxes}<|/det|>hello"
    if boxes == "[]":
        assert page_of(read("deepseek-ocr", answer)[0]).boxes_of == "page"
    else:
        with pytest.raises(BadAnswer):
            read("deepseek-ocr", answer)


def test_dots_reads_a_layout_in_pixels_of_the_sent_image() -> None:
    layout = [
        {"bbox": [0, 0, 500, 25], "category": "Section-header", "text": "## Chapter"},
        {"bbox": [50, 50, 250, 150], "category": "Text", "text": "a\nb"},
        {"bbox": [0, 150, 100, 200], "category": "Chart"},
        {
            "bbox": [0, 200, 500, 250],
            "category": "Table",
            "text": "<table><tr><td>1</td></tr></table>",
        },
    ]
    answer = "```json\n" + json.dumps(layout) + "\n```"
    parts, session = read("dots-ocr", answer, prompt="the prompt for the layout")
    page = page_of(parts)
    assert [(b.type, b.level) for b in page.blocks] == [("title", 2), ("text", 0), ("table", 0)]
    assert page.lines[0].text == "Chapter"
    assert page.lines[1].box == ((100, 100), (500, 100), (500, 200), (100, 200))
    assert session.asked[0][0] == "<|img|><|imgpad|><|endofimg|>the prompt for the layout"


def test_dots_reads_text() -> None:
    assert page_of(read("dots-ocr", "[draft]\nhello")[0]).text == "[draft]\nhello"
    assert page_of(read("dots-ocr", "[not json]")[0]).text == "[not json]"


@pytest.mark.parametrize(
    "answer",
    ['[{"bbox": [1, 2, 3], "text": "a"}]', '[{"bbox": "x", "text": "a"}]', '[{"bbox": [1,2 ]]'],
)
def test_a_layout_that_is_broken(answer: str) -> None:
    with pytest.raises(BadAnswer):
        read("dots-ocr", answer)


def test_mineru_finds_blocks_and_reads_each() -> None:
    layout = (
        "<|box_start|>000 000 999 100<|box_end|><|ref_start|>title<|ref_end|><|rotate_up|>\n"
        "<|box_start|>100 200 500 400<|box_end|><|ref_start|>text<|ref_end|><|rotate_right|>\n"
        "<|box_start|>100 400 500 500<|box_end|><|ref_start|>image<|ref_end|><|rotate_up|>\n"
        "<|box_start|>000 500 1000 1000<|box_end|><|ref_start|>table<|ref_end|><|rotate_up|>"
    )
    parts, session = read("mineru", layout, "A title", "Some text", "<fcel>1<fcel>2<nl>")
    page = page_of(parts)
    assert [(b.type, [line.text for line in b.lines]) for b in page.blocks] == [
        ("title", ["A title"]),
        ("text", ["Some text"]),
        ("table", ["1", "2"]),
    ]
    assert page.lines[1].box == ((100, 100), (500, 100), (500, 200), (100, 200))
    assert [place.turn for place in session.places] == [0, 90, 0]
    assert session.targets[0].exact == (1036, 1036)
    prompts = [prompt for prompt, _, _ in session.asked]
    assert prompts == [LAYOUT_PROMPT, TEXT_PROMPT, TEXT_PROMPT, PROMPTS["table"]]
    assert {system for _, _, system in session.asked} == {SYSTEM}


def test_mineru_answers_no_layout() -> None:
    with pytest.raises(BadAnswer):
        read("mineru", "I see a page.")


def test_one_block_that_fails_fails_the_page() -> None:
    class Failing(Scripted):
        async def ask(self, image: SentImage, prompt: str, fields: Fields, system: str = "") -> str:
            if prompt != LAYOUT_PROMPT:
                raise BackendFailed("no")
            return await super().ask(image, prompt, fields, system)

    box = "<|box_start|>0 0 9 9<|box_end|><|ref_start|>text<|ref_end|>"
    with pytest.raises(BackendFailed):
        asyncio.run(KINDS["mineru"].read(Failing(box * 3)))


@pytest.mark.parametrize(
    ("angle", "box"),
    [
        (0, ((100, 50), (300, 50), (300, 100), (100, 100))),
        (90, ((100, 350), (200, 350), (200, 450), (100, 450))),
        (180, ((700, 400), (900, 400), (900, 450), (700, 450))),
    ],
)
def test_boxes_are_those_before_the_rotation(angle: int, box: tuple[object, ...]) -> None:
    part = Part("x", ((0.1, 0.1), (0.3, 0.1), (0.3, 0.2), (0.1, 0.2)), is_line=True)
    page = page_of([part], angle)
    assert (page.width, page.height, page.angle) == (*SIZE, angle)
    assert page.lines[0].box == box
