"""Paragraphs, headings and lists of Debian's own documentation, in English and Chinese."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lxml import html  # type: ignore[import-untyped]

from hard_set.classes import Half
from hard_set.words import Random
from layout_set.truth import Part
from server_programs import unpack_packages

FETCHED = Path(__file__).resolve().parents[2] / "dist" / "layout_set" / "debian"
PACKAGES = (
    "debian-faq",
    "debian-faq-zh-cn",
    "debian-reference-en",
    "debian-reference-zh-cn",
    "maint-guide",
    "maint-guide-zh-cn",
    "debian-handbook",
)
DebianLanguage = Literal["en", "zh"]

_LEAST_CHARACTERS = 2_500  # of a file that is used
_LONGEST_LISTING = 8  # lines
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 3}
_BLOCKS = (*_HEADINGS, "p", "div", "li", "pre", "dt", "dd")
_CONTAINERS = ("div", "li", "dd")
_HANDBOOKS = ("en-US", "zh-CN")  # the folders of its translations are named so
_LEFT_OUT = (
    "self::table or self::nav or self::header or self::footer or self::title or self::form"
    " or contains(@class, 'nav') or contains(@class, 'toc') or contains(@class, 'footnote')"
    " or contains(@class, 'sphinxsidebar') or contains(@class, 'related')"
)


def fetch_documents() -> None:
    """Unpack the packages in dist/ if they are missing; NoProgram if apt cannot."""
    if not FETCHED.is_dir():
        print("fetching Debian's documentation ...", flush=True)
        unpack_packages(list(PACKAGES), FETCHED)


def some_parts(random: Random, language: DebianLanguage, half: Half, characters: int) -> list[Part]:
    """Consecutive parts of about so many characters, from a file of this half."""
    files = _files(language, half)
    parts = parts_of(files[int(random.integers(len(files)))])
    lengths = [len(part.text) for part in parts]
    latest = len(parts) - 1
    while latest and sum(lengths[latest:]) < characters:
        latest -= 1
    start = int(random.integers(latest + 1))
    end = start + 1
    while end < len(parts) and sum(lengths[start:end]) < characters:
        end += 1
    return list(parts[start:end])


@cache
def parts_of(path: Path) -> tuple[Part, ...]:
    """The parts of an HTML file in order, without tables and navigation."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    body = html.document_fromstring(content, html.HTMLParser(encoding="utf-8")).find("body")
    return () if body is None else tuple(_parts(body))


@cache
def _files(language: DebianLanguage, half: Half) -> list[Path]:
    """The files of a language; every second one, by a digest of its name, is of the other half."""
    found = []
    for path in sorted(FETCHED.rglob("*.html*")):
        translation = re.search("/([a-z]{2}-[A-Z]{2})/", str(path))
        if path.is_symlink() or (translation and translation[1] not in _HANDBOOKS):
            continue
        if ("tuning" if hashlib.sha256(path.name.encode()).digest()[0] % 2 else "test") != half:
            continue
        text = "".join(part.text for part in parts_of(path))
        if len(text) >= _LEAST_CHARACTERS and _language(text) == language:
            found.append(path)
    return found


def _language(text: str) -> str:
    """What a text is written in; other languages of the Latin script have letters with accents."""
    length = len(text)
    if len(re.findall("[ぁ-ヿ가-힣]", text)) > 0.01 * length:
        return "other"
    if len(re.findall("[一-鿿]", text)) > 0.2 * length:
        simplified = len(re.findall("[们这个为时会说国对发经样过还进动设]", text))
        return "zh" if simplified > 0.01 * length else "other"
    foreign = sum(not character.isascii() for character in text)
    return "en" if foreign < 0.01 * length and text.count(" the ") > length / 400 else "other"


def _parts(body: Any) -> Iterator[Part]:
    for element in body.iter(*_BLOCKS):
        if element.xpath(f"ancestor-or-self::*[{_LEFT_OUT}]"):
            continue
        if element.tag in _CONTAINERS and element.xpath("p|ul|ol|dl|pre|div|table"):
            continue
        if element.tag == "div" and element.get("class") != "para":
            continue
        text = element.text_content().strip("\n ¶")
        if element.tag == "pre":
            lines = text.expandtabs(4).splitlines()[:_LONGEST_LISTING]
            yield Part("code", "\n".join(lines))
            continue
        text = " ".join(text.replace("¶", "").split())
        if not text:
            continue
        if element.tag in _HEADINGS:
            yield Part("title", text, _HEADINGS[element.tag])
            continue
        depth = int(element.xpath("count(ancestor-or-self::*[self::ul or self::ol])"))
        mark = _mark(element)
        yield Part("list" if mark else "text", mark + text, depth)


def _mark(element: Any) -> str:
    """What is written before an item, if the element is the first in one."""
    item = element if element.tag == "li" else element.getparent()
    if item is None or item.tag != "li" or (item is not element and item[0] is not element):
        return ""
    container = item.getparent()
    if container is not None and container.tag == "ol":
        return f"{container.index(item) + 1}. "
    return "• "
