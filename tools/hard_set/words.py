"""Invents text: no sentence is copied, no person or number is real."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from hard_set.fonts import has_glyph

Random = np.random.Generator

_LEXICON = tomllib.loads(Path(__file__).with_name("lexicon.toml").read_text(encoding="utf-8"))


def lexicon(name: str) -> list[str]:
    """The words of a field of lexicon.toml."""
    return str(_LEXICON[name]).split()


LINKS = "的和与在对从为由并或及以使让把被向比"
QUALITIES = "新旧大小长短高低轻重快慢冷热干湿明暗深浅厚薄宽窄红黄蓝白黑绿灰"
THINGS = lexicon("things")
DOINGS = lexicon("doings")
ENGLISH = lexicon("english")
ONSETS = lexicon("onsets")
VOWELS = lexicon("vowels")
UNITS = lexicon("units")
TRADITIONAL = lexicon("traditional")
CODAS = ["", "", *lexicon("codas")]


def pick(random: Random, choices: str | list[str] | tuple[str, ...]) -> str:
    """One of the choices."""
    return str(choices[int(random.integers(len(choices)))])


def chance(random: Random, probability: float) -> bool:
    """True with this probability."""
    return bool(random.random() < probability)


@cache
def _common_hanzi() -> str:
    """The 3,755 characters of GB 2312's first level, rows 16 to 55."""
    codes = [bytes((0xA0 + row, 0xA0 + cell)) for row in range(16, 56) for cell in range(1, 95)]
    return "".join(code.decode("gb2312", errors="ignore") for code in codes)


def hanzi(random: Random, count: int) -> str:
    """Random common characters, as in names and addresses."""
    return "".join(pick(random, _common_hanzi()) for _ in range(count))


def chinese_word(random: Random) -> str:
    """A word of one to three characters, sometimes a random one."""
    kind = random.random()
    if kind < 0.3:
        return hanzi(random, 2 if kind < 0.2 else 3)
    if kind < 0.45:
        return pick(random, QUALITIES) + pick(random, THINGS)
    return pick(random, THINGS if kind < 0.75 else DOINGS)


def chinese_phrase(random: Random, length: int) -> str:
    """Words with links between them, of about `length` characters."""
    text = ""
    while len(text) < length:
        text += chinese_word(random)
        if chance(random, 0.3):
            text += pick(random, LINKS)
        elif chance(random, 0.12) and len(text) < length - 2:
            text += pick(random, "，，、；")
        elif chance(random, 0.08):
            text += integer(random, 4)
    return text


def traditional_phrase(random: Random, length: int, face: str) -> str:
    """Traditional words that this face can draw, of about `length` characters."""
    text = ""
    while len(text) < length:
        word = pick(random, TRADITIONAL)
        if all(has_glyph(face, character) for character in word):
            text += word
    return text


def invented_word(random: Random) -> str:
    """A word of syllables, which no dictionary has."""
    syllables = [
        pick(random, ONSETS) + pick(random, VOWELS) + pick(random, CODAS)
        for _ in range(int(random.integers(1, 4)))
    ]
    return "".join(syllables)


def english_word(random: Random) -> str:
    """A common word, or an invented one."""
    return pick(random, ENGLISH) if chance(random, 0.75) else invented_word(random)


def english_phrase(random: Random, length: int) -> str:
    """Words of about `length` characters together, with some commas and numbers."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < length:
        words.append(integer(random, 4) if chance(random, 0.05) else english_word(random))
        if chance(random, 0.08):
            words[-1] += pick(random, ",,;:")
    words[0] = words[0].capitalize()
    return " ".join(words)


def integer(random: Random, longest: int) -> str:
    """A number of 1 to `longest` digits, without a leading zero."""
    digits = int(random.integers(1, longest + 1))
    return str(int(random.integers(0 if digits == 1 else 10 ** (digits - 1), 10**digits)))


def amount(random: Random, longest: int = 5) -> str:
    """An amount of money with two decimals, sometimes with commas."""
    whole = int(integer(random, longest))
    cents = int(random.integers(100))
    return f"{whole:,}.{cents:02d}" if chance(random, 0.5) else f"{whole}.{cents:02d}"


def date(random: Random) -> str:
    """A date in one of the usual forms."""
    year, month, day = random.integers((1990, 1, 1), (2039, 13, 29)).tolist()
    form = pick(
        random, ("{}-{:02d}-{:02d}", "{}/{:02d}/{:02d}", "{}.{:02d}.{:02d}", "{}年{}月{}日")
    )
    return form.format(year, month, day)


def clock(random: Random) -> str:
    """A time of day with seconds."""
    hour, minute, second = random.integers((0, 0, 0), (24, 60, 60)).tolist()
    return f"{hour:02d}:{minute:02d}:{second:02d}"


def code(random: Random, length: int, alphabet: str = "") -> str:
    """Random characters, many of them easily confused: 0/O, 1/I, 8/B, 5/S."""
    letters = alphabet or "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ0O1I8B5S2Z"
    return "".join(pick(random, letters) for _ in range(length))


def person(random: Random) -> str:
    """An invented name."""
    if chance(random, 0.5):
        return hanzi(random, int(random.integers(2, 4)))
    return f"{invented_word(random).capitalize()} {invented_word(random).capitalize()}"
