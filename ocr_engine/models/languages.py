"""Which languages and scripts a recognition model reads, derived from the list of its characters.

A model reads a language if its list has all letters that languages.toml names; of the thousands of
characters of Chinese, Japanese and Korean, nearly all. Letters that a model knows as symbols, such
as the Greek ones of formulas, thus make no language.
"""

from __future__ import annotations

import contextlib
import functools
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import chain
from typing import Any

MANY = 1000  # letters of a language, from which on a few may be missing
NEARLY_ALL = 0.98
WITH_CAPITALS = ("Latn", "Grek", "Cyrl", "Armn")
_TRAILING_BYTES = range(0x40, 0xFF)


@dataclass(frozen=True, slots=True)
class Language:
    """A language that can be read. code: BCP 47. scripts: ISO 15924."""

    code: str
    name: str
    scripts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A script in which a language can be read. code: ISO 15924. characters: those known."""

    code: str
    name: str
    characters: str


@dataclass(frozen=True, slots=True)
class Readable:
    """What a model can read. others: characters of no such script, as digits and punctuation."""

    languages: tuple[Language, ...]
    scripts: tuple[Script, ...]
    others: str


def readable(characters: Collection[str]) -> Readable:
    """What a model with these characters can read: languages by name, scripts by size."""
    table = _table()
    known = set(characters)
    languages = tuple(
        Language(code, name, tuple(scripts.split()))
        for code, (name, scripts, letters) in table["languages"].items()
        if _has(known, set(_letters(letters, scripts)))
    )
    prefixes = {prefix: code for code, (_, prefix) in table["scripts"].items()}
    used = set(chain.from_iterable(language.scripts for language in languages))
    found: dict[str, list[str]] = {code: [] for code in used}
    others = []
    for character in dict.fromkeys(characters):
        code = _script(character, prefixes)
        if code is not None and code in found:
            found[code].append(character)
        else:
            others.append(character)
    scripts = [Script(c, table["scripts"][c][0], "".join(found[c])) for c in found]
    return Readable(
        tuple(sorted(languages, key=lambda language: language.name)),
        tuple(sorted(scripts, key=lambda script: (-len(script.characters), script.code))),
        "".join(others),
    )


@functools.lru_cache(maxsize=2)
def letters_without_language(characters: tuple[str, ...]) -> frozenset[str]:
    """The known letters of scripts in which no language can be read."""
    prefixes = {prefix: code for code, (_, prefix) in _table()["scripts"].items()}
    found = {script.code for script in readable(characters).scripts}
    return frozenset(
        character
        for character in characters
        if (code := _script(character, prefixes)) is not None and code not in found
    )


def _has(known: Collection[str], letters: Collection[str]) -> bool:
    missing = sum(letter not in known for letter in letters)
    return missing <= (len(letters) * (1 - NEARLY_ALL) if len(letters) >= MANY else 0)


def _script(character: str, prefixes: Mapping[str, str]) -> str | None:
    """The script of a letter, by its name in Unicode; None for other characters."""
    if len(character) != 1 or unicodedata.category(character)[0] not in "LM":
        return None
    first, *_ = unicodedata.name(character, " ").replace("-", " ").split(" ")
    return prefixes.get(first)


def _letters(text: str, scripts: str) -> Iterator[str]:
    """The letters of an entry; see languages.toml."""
    for token in text.split():
        if ":" in token:
            yield from _rows(*token.split(":"))
            continue
        for letter in _range(token) if token[1:2] == "-" else token:
            yield letter
            if scripts in WITH_CAPITALS and len(letter.upper()) == 1:
                yield letter.upper()


def _range(token: str) -> Iterator[str]:
    first, last = token.split("-")
    for point in range(ord(first), ord(last) + 1):
        if unicodedata.category(chr(point))[0] in "LM":
            yield chr(point)


def _rows(codec: str, leading: str) -> Iterator[str]:
    """The letters of a national standard that begin with these bytes."""
    first, last = (int(text, 16) for text in leading.split("-"))
    for lead in range(first, last + 1):
        for trail in _TRAILING_BYTES:
            with contextlib.suppress(UnicodeDecodeError):
                letter = bytes((lead, trail)).decode(codec)
                if len(letter) == 1 and unicodedata.category(letter)[0] == "L":
                    yield letter


def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "languages.toml").read_text("utf-8"))
