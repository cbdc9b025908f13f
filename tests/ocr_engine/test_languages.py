"""The languages that a model reads, from its characters; and what the docs say of the models."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from importlib import resources
from pathlib import Path

import pytest

from ocr_engine.models import languages
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.languages import Readable, readable
from ocr_engine.models.official import onnx_characters

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
ENGLISH = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TABLE = tomllib.loads(
    (resources.files(languages.__package__ or "") / "languages.toml").read_text("utf-8")
)


def of_set(name: str) -> Readable:
    """What the recognition model of a set can read."""
    source = catalogue_set(name).rec
    return readable(source.characters or onnx_characters(source.file.path))


def codes(found: Readable) -> list[str]:
    return [language.code for language in found.languages]


def test_english_needs_all_its_letters() -> None:
    found = readable(ENGLISH + "0123.,")
    assert "en" in codes(found)
    assert "de" not in codes(found)
    assert "fr" not in codes(found)
    assert codes(readable(ENGLISH.replace("q", ""))) == []
    assert [script.code for script in found.scripts] == ["Latn"]
    assert found.scripts[0].characters == ENGLISH
    assert found.others == "0123.,"


def test_german_needs_its_capitals_too() -> None:
    assert "de" in codes(readable(ENGLISH + "äöüßÄÖÜ"))
    assert "de" not in codes(readable(ENGLISH + "äöüßÄÖ"))


def test_the_letters_of_formulas_make_no_language() -> None:
    found = readable(ENGLISH + "αβγδεζηθικλμνξοπρστυφχψω")
    assert "el" not in codes(found)
    assert [script.code for script in found.scripts] == ["Latn"]
    assert found.others.startswith("αβγ")


def test_nearly_all_characters_of_a_standard_suffice() -> None:
    level_1 = [*languages._letters("gb2312:B0-D7", "Hani")]
    assert (len(level_1), level_1[0], level_1[-1]) == (3755, "啊", "座")
    assert codes(readable(level_1[:-70])) == ["zh-Hans"]
    assert codes(readable(level_1[:-100])) == []


@pytest.mark.parametrize(
    ("codec", "first", "last", "count"),
    [
        ("big5:A4-C5", "一", "讒", 5338),
        ("euc_jp:B0-CF", "亜", "腕", 2965),
        ("euc_kr:B0-C8", "가", "힝", 2350),
    ],
)
def test_the_rows_of_the_standards(codec: str, first: str, last: str, count: int) -> None:
    found = [*languages._letters(codec, "")]
    assert (found[0], found[-1], len(found)) == (first, last, count)


def test_every_language_has_known_scripts_and_letters_of_them() -> None:
    prefixes = {code: prefix for code, (_, prefix) in TABLE["scripts"].items()}
    for code, (name, scripts, letters) in TABLE["languages"].items():
        assert name, code
        known = tuple(prefixes[script] for script in scripts.split())
        found = set(languages._letters(letters, scripts))
        assert found, code
        assert all(unicodedata.name(letter).startswith(known) for letter in found), code
        assert code in codes(readable(sorted(found)))


def test_the_small_model_reads_chinese_english_japanese_and_no_cyrillic() -> None:
    found = of_set("PP-OCRv6_small")
    assert {"zh-Hans", "zh-Hant", "ja", "en", "de", "fr", "es", "pl", "tr"} <= set(codes(found))
    assert not {"ru", "uk", "el", "ar", "he", "th", "hi", "ko", "vi"} & set(codes(found))
    assert {script.code for script in found.scripts} == {"Hani", "Hira", "Kana", "Latn"}
    total = sum(len(script.characters) for script in found.scripts) + len(found.others)
    assert total >= 18_000


@pytest.mark.parametrize("name", ["PP-OCRv6_small", "PP-OCRv4_mobile"])
def test_the_docs_list_what_each_set_reads(name: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{name}` \| (\d+): ([^|]+) \|$", text, re.MULTILINE)
    names = [language.name for language in of_set(name).languages]
    assert row == (str(len(names)), ", ".join(names))
