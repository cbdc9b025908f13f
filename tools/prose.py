"""Reports words that docs/banned-words.toml refuses, in all tracked files.

    python tools/prose.py

Prints a line for each one, with file, line and what to write instead; the exit status is 1 then.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
WORD_LIST = Path("docs/banned-words.toml")
SUFFIXES = {".html", ".js", ".json", ".md", ".py", ".toml"}
EXCLUDED = (
    "benchmarks/results/",
    "benchmarks/small_print/",
    "docs/glossary.md",
    "tests/data/",
    "tools/pages/texts/",
    WORD_LIST.as_posix(),
)
_BREAK = r"\s+(?:(?:#|//|\*)\s*)*"  # between two words, also across lines of a comment


class Hit(NamedTuple):
    """A banned phrase in a text: its line, and what to write instead."""

    line: int
    phrase: str
    instead: str


def find_hits(text: str, words: Mapping[str, str]) -> Iterator[Hit]:
    """All banned phrases in the text, ignoring case."""
    for match in _pattern(words).finditer(text):
        phrase = re.sub(_BREAK, " ", match[0]).lower()
        yield Hit(text.count("\n", 0, match.start()) + 1, phrase, words[phrase])


def main() -> int:
    """Check all tracked files; returns 1 if there is a hit."""
    words = tomllib.loads((ROOT / WORD_LIST).read_text(encoding="utf-8"))
    found = 0
    for file in _tracked_files():
        for hit in find_hits((ROOT / file).read_text(encoding="utf-8"), words):
            print(f"{file}:{hit.line}: {hit.phrase!r}: write {hit.instead}")
            found += 1
    if found:
        print(f"{found} banned words; the list is {WORD_LIST}", file=sys.stderr)
    return 1 if found else 0


def _pattern(words: Mapping[str, str]) -> re.Pattern[str]:
    """Matches any phrase between characters that are not letters, longer phrases first."""
    phrases = sorted(words, key=len, reverse=True)
    alternatives = "|".join(_BREAK.join(map(re.escape, each.split())) for each in phrases)
    return re.compile(rf"(?<![A-Za-z])(?:{alternatives})(?![A-Za-z])", re.IGNORECASE)


def _tracked_files() -> Iterator[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for file in filter(None, listed.stdout.split("\0")):
        path = ROOT / file
        if path.suffix in SUFFIXES and not file.startswith(EXCLUDED) and path.is_file():
            yield file


if __name__ == "__main__":
    sys.exit(main())
