"""Running text: documents in one face, small print, exam sheets."""

from __future__ import annotations

from collections.abc import Callable

from hard_set.fonts import HANDWRITTEN, LATIN, TRADITIONAL
from hard_set.sheet import Cell, Sample, Sheet, Style, any_style, text_width
from hard_set.words import (
    Random,
    amount,
    chance,
    chinese_phrase,
    date,
    english_phrase,
    hanzi,
    integer,
    pick,
    traditional_phrase,
)

Phrase = Callable[[int], str]


def draw_document(random: Random, style: Style, lines: int = 24) -> Sample:
    """Paragraphs in one style; text in the language that its Chinese or Latin face is for."""
    sheet = Sheet(int(random.integers(900, 1200)), 2400)
    leading = style.size * float(random.uniform(1.35, 1.8))
    top, left = 40.0, float(random.integers(30, 80))
    if style.chinese in TRADITIONAL:
        phrase: Phrase = lambda length: traditional_phrase(random, length, style.chinese)  # noqa: E731
    elif style.chinese in LATIN or style.chinese in HANDWRITTEN:
        phrase = lambda length: english_phrase(random, length)  # noqa: E731
    else:
        phrase = lambda length: chinese_phrase(random, length)  # noqa: E731
    for _ in range(lines):
        room = (sheet.width - 2 * left) * float(random.choice([1, 1, 1, 0.4, 0.7]))
        sheet.row(top, [Cell(left, _fitting(phrase, style, room), style)])
        top += leading * (1.6 if chance(random, 0.1) else 1)
    return sheet.sample()


def draw_faces(random: Random, number: int) -> Sample:
    """A document in the face of this number, so that every face has its turn."""
    faces = [*_document_faces()]
    face = faces[number % len(faces)]
    size = int(random.integers(18, 31))
    return draw_document(random, Style(face, face, size), 26)


def draw_handwriting(random: Random, number: int) -> Sample:
    """A document in a handwritten face."""
    face = list(HANDWRITTEN)[number % len(HANDWRITTEN)]
    return draw_document(random, Style(face, face, int(random.integers(26, 36))), 22)


def draw_small_print(random: Random, number: int) -> Sample:
    """Letters of 9 to 13 pixels."""
    del number
    style = any_style(random, 9, 13)
    face = style.chinese if chance(random, 0.6) else style.latin
    return draw_document(random, Style(face, face, style.size), 26)


def draw_exam(random: Random, number: int) -> Sample:
    """Questions with four answers each, in a column or two."""
    del number
    style = any_style(random, 18, 26)
    sheet = Sheet(1100, 2600)
    title = f"{hanzi(random, 4)}期末考试试卷 {pick(random, 'ABCD')}卷"
    top = sheet.row(36, [Cell(280, title, style.sized(style.size * 1.5))]) + style.size
    header = [(60, f"班级：{integer(random, 3)}"), (380, f"姓名：{hanzi(random, 3)}")]
    header.append((720, f"得分：{integer(random, 2)}"))
    top = sheet.row(top, [Cell(x, text, style) for x, text in header]) + style.size
    for question in range(1, 16):
        body = (
            chinese_phrase(random, 22) + "（  ）。"
            if chance(random, 0.5)
            else f"{english_phrase(random, 40)} ______ ."
        )
        if chance(random, 0.3):
            a, b = integer(random, 3), integer(random, 3)
            body = f"{a} + {b} × {integer(random, 2)} - {integer(random, 2)} = {integer(random, 4)}"
        head = f"{question}."
        top = sheet.row(top, [Cell(60, head, style), Cell(110, body.replace("_", ""), style)])
        top += style.size * 0.6
        answers = [_answer(random, letter) for letter in "ABCD"]
        cells = [Cell(110 + 240 * i, text, style) for i, text in enumerate(answers)]
        top = sheet.row(top, cells) + style.size * 0.8
    return sheet.sample()


def _answer(random: Random, letter: str) -> str:
    kind = random.random()
    if kind < 0.4:
        return f"{letter}. {integer(random, 4)}"
    if kind < 0.6:
        return f"{letter}. {amount(random, 2)}"
    if kind < 0.7:
        return f"{letter}. {date(random)}"
    return f"{letter}. {chinese_phrase(random, 3)[:6]}"


def _document_faces() -> list[str]:
    from hard_set.fonts import CHINESE

    return [*CHINESE, *TRADITIONAL, *LATIN]


def _fitting(phrase: Phrase, style: Style, room: float) -> str:
    """A phrase that is not wider than the room."""
    text = phrase(max(4, int(room / style.size * (1 if style.chinese not in LATIN else 2.2))))
    while text_width(text, style) > room and len(text) > 2:
        text = text[:-1]
    return text.strip()
