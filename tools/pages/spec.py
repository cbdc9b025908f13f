"""Read the page descriptions in texts/*.txt.

A description starts with `= name key=value ...`; the lines below it say what is drawn:

    # text            a heading
    left || right     two boxes on the same row
    -                 a ruler
    < text, > text    a chat bubble on the left, on the right
    [40] text         a line of a sign in letters of 40 px
    anything else     a paragraph, broken into lines where the kind of page has room for it
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
SEED = 20210

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Spec:
    """One page to draw: its name, its options and its lines of source text."""

    name: str
    options: dict[str, str]
    blocks: tuple[str, ...]

    def text(self, key: str, default: str = "") -> str:
        """Return an option as text."""
        return self.options.get(key, default)

    def number(self, key: str) -> int:
        """Return a required option as an integer."""
        return int(self.options[key])

    def colour(self, key: str) -> Colour:
        """Return an option of the form `r,g,b`."""
        red, green, blue = (int(part) for part in self.options[key].split(","))
        return red, green, blue

    def random(self) -> random.Random:
        """Return the page's own random generator, so that pages do not depend on their order."""
        return random.Random(SEED + zlib.crc32(self.name.encode()))


def read_specs(kind: str) -> list[Spec]:
    """Read all descriptions of texts/KIND.txt in their order."""
    specs: list[Spec] = []
    source = (TEXTS / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    head: list[str] = []
    blocks: list[str] = []
    for line in [*source, "= end"]:
        if line.startswith("= "):
            if head:
                specs.append(_spec(head, blocks))
            head, blocks = line[2:].split(), []
        elif line.strip():
            blocks.append(line.strip())
    return specs


def _spec(head: list[str], blocks: list[str]) -> Spec:
    options = dict(part.split("=", 1) for part in head[1:])
    return Spec(head[0], options, tuple(blocks))
