"""Which characters of a line belong together as a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ocr_engine.geometry import around, level_box
from ocr_engine.result import Glyph, Line, Word

# Scripts written without spaces, and their punctuation: first and last code point.
_ALONE = (
    (0x2E80, 0x2FDF),  # radicals
    (0x3001, 0x312F),  # punctuation, kana, bopomofo
    (0x31A0, 0x4DBF),  # more of these, Han
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),  # punctuation of vertical text
    (0xFF01, 0xFF0F),  # wide punctuation; wide digits and letters make words
    (0xFF1A, 0xFF20),
    (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF9F),
    (0x20000, 0x3FFFF),  # Han
)
_CLOSING = frozenset(",.;:!?)]}”’»%")


def split_words(characters: Sequence[str]) -> list[tuple[int, int]]:
    """The [start, end) ranges of a line's words, without spaces.

    Words end at spaces. Each Chinese or Japanese character is a separate word, as in PaddleOCR, and
    so is a comma or the like right after it. Other characters form words together with adjacent
    punctuation (`3,000.50`, `don't`, `(see`).
    """
    words: list[tuple[int, int]] = []
    start: int | None = None
    after_alone = False
    for index, character in enumerate(characters):
        alone = stands_alone(character) or (after_alone and character in _CLOSING)
        if start is not None and (alone or character.isspace()):
            words.append((start, index))
            start = None
        if alone:
            words.append((index, index + 1))
        elif start is None and not character.isspace():
            start = index
        after_alone = alone
    if start is not None:
        words.append((start, len(characters)))
    return words


def words_of(line: Line) -> tuple[Word, ...]:
    """The words of a line, built from its characters if it has these; empty if it has neither.

    A built word has the mean confidence of its characters and a level box around them, or the box
    of its only character.
    """
    if line.glyphs is None:
        return line.words or ()
    return tuple(
        _word(run[start:end])
        for run in _runs(line.text, line.glyphs)
        for start, end in split_words([glyph.text for glyph in run])
    )


def stands_alone(character: str) -> bool:
    """Whether the character belongs to a script in which each one counts as a word."""
    if not character:
        return False
    point = ord(character[0])
    return point >= _ALONE[0][0] and any(first <= point <= last for first, last in _ALONE)


def _runs(text: str, glyphs: Iterable[Glyph]) -> Iterator[list[Glyph]]:
    """The runs of characters between spaces of the text."""
    run: list[Glyph] = []
    end = 0
    for glyph in glyphs:
        found = text.find(glyph.text, end)
        if found > end:
            yield run
            run = []
        end = max(found, end) + len(glyph.text)
        run.append(glyph)
    yield run


def _word(glyphs: Sequence[Glyph]) -> Word:
    if len(glyphs) == 1:
        (glyph,) = glyphs
        return Word(glyph.text, glyph.confidence, glyph.box, (glyph,))
    return Word(
        text="".join(glyph.text for glyph in glyphs),
        confidence=sum(glyph.confidence for glyph in glyphs) / len(glyphs),
        box=around(level_box(glyph.box) for glyph in glyphs).quad,
        glyphs=tuple(glyphs),
    )
