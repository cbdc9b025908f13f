"""Invented paragraphs and titles in Chinese, English, both, and Japanese."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from hard_set.words import (
    LINKS,
    QUALITIES,
    Random,
    chance,
    chinese_phrase,
    chinese_word,
    english_phrase,
    english_word,
    hanzi,
    pick,
)

Language = Literal["zh", "en", "both", "ja"]
LANGUAGES: tuple[Language, ...] = ("zh", "en", "both")

_JAPANESE = tomllib.loads(Path(__file__).with_name("japanese.toml").read_text(encoding="utf-8"))


def width_of(language: Language) -> float:
    """The mean width of a character in units of the font size."""
    return {"zh": 1.0, "ja": 1.0, "en": 0.47, "both": 0.85}[language]


def paragraph(random: Random, language: Language, length: int) -> str:
    """Sentences of about `length` characters."""
    sentences: list[str] = []
    while sum(map(len, sentences)) < length:
        sentences.append(sentence(random, language))
    return (" " if language == "en" else "").join(sentences)


def sentence(random: Random, language: Language) -> str:
    """One sentence with its full stop."""
    length = int(random.integers(12, 40))
    if language == "en":
        return f"{_trimmed(english_phrase(random, 3 * length))}."
    if language == "ja":
        return f"{_japanese(random, length)}。"
    if language == "both":
        words = " ".join(english_word(random) for _ in range(int(random.integers(1, 4))))
        tail = chinese_phrase(random, length // 2)
        return f"{_trimmed(chinese_phrase(random, length // 2))} {words} {_trimmed(tail)}。"
    return f"{_trimmed(chinese_phrase(random, length))}。"


def upright_paragraph(random: Random, language: Language, length: int) -> str:
    """Sentences for vertical columns: without digits and Latin letters."""
    sentences: list[str] = []
    while sum(map(len, sentences)) < length:
        if language == "ja":
            sentences.append(sentence(random, "ja"))
        else:
            parts = [_words(random, int(random.integers(4, 14))) for _ in range(2)]
            sentences.append(f"{parts[0]}，{parts[1]}。")
    return "".join(sentences)


def title(random: Random, language: Language, longest: int = 14) -> str:
    """A title without punctuation."""
    length = int(random.integers(max(4, longest // 2), longest + 1))
    if language == "en":
        words = [english_word(random) for _ in range(max(2, length // 3))]
        return " ".join(word.capitalize() for word in words)
    if language == "ja":
        return _japanese(random, length).replace("、", "")[:length]
    if language == "both" and chance(random, 0.5):
        return f"{_words(random, length // 2)} {english_word(random).capitalize()}"
    return _words(random, length)


def term(random: Random, language: Language) -> str:
    """One or two words, as for a cell or a label."""
    if language == "en" or (language == "both" and chance(random, 0.4)):
        count = int(random.integers(1, 3))
        return " ".join(english_word(random) for _ in range(count)).capitalize()
    if language == "ja":
        return pick(random, str(_JAPANESE["things"]).split())
    return chinese_word(random) + (hanzi(random, 1) if chance(random, 0.3) else "")


def _words(random: Random, length: int) -> str:
    text = ""
    while len(text) < length:
        text += pick(random, QUALITIES) if chance(random, 0.1) else chinese_word(random)
        text += pick(random, LINKS) if chance(random, 0.3) else ""
    return text[:length]


def _japanese(random: Random, length: int) -> str:
    text = ""
    while len(text) < length:
        text += pick(random, str(_JAPANESE["things"]).split())
        text += pick(random, str(_JAPANESE["particles"]).split())
        if chance(random, 0.25):
            text += pick(random, str(_JAPANESE["doings"]).split()) + "、"
    return text + pick(random, str(_JAPANESE["endings"]).split())


def _trimmed(text: str) -> str:
    return text.strip("，、；,;: ")
