"""What a recognition yields; these dataclasses cross the process boundary as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsInt

Point = tuple[int, int]
Quad = tuple[Point, Point, Point, Point]


def as_quad(corners: Iterable[Iterable[SupportsInt]]) -> Quad:
    """Four corners (x, y) of any kind of number as plain whole ones.

    ValueError or TypeError if they are not four pairs of numbers.
    """
    first, second, third, fourth = ((int(x), int(y)) for x, y in corners)
    return first, second, third, fourth


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line: its text, its confidence (0 to 1), its box.

    The box is four corners (x, y) in pixels of the upright picture, clockwise from the top left
    of the picture, also where the text stands on its head.
    """

    text: str
    confidence: float
    box: Quad


@dataclass(frozen=True, slots=True)
class OcrResult:
    """The lines of one picture in reading order; width and height are of the upright picture.

    `frames` is how many frames or pages the file holds, of which the first was read.
    """

    width: int
    height: int
    lines: tuple[TextLine, ...]
    frames: int = 1

    @property
    def text(self) -> str:
        """All lines, one under the other."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """The lines' confidences, averaged with the number of characters as weight."""
        weights = [max(1, len(line.text)) for line in self.lines]
        if not weights:
            return 0.0
        total = sum(w * line.confidence for w, line in zip(weights, self.lines, strict=True))
        return round(total / sum(weights), 4)

    def as_json(self) -> dict[str, Any]:
        """Plain data, in the shape that the HTTP answer shows."""
        data: dict[str, Any] = {
            "text": self.text,
            "confidence": self.confidence,
            "width": self.width,
            "height": self.height,
            "lines": [
                {"text": line.text, "confidence": line.confidence, "box": line.box}
                for line in self.lines
            ],
        }
        if self.frames > 1:
            data["frames"] = self.frames
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OcrResult:
        """The inverse of as_json(); ValueError, KeyError or TypeError on anything else."""
        return cls(
            width=int(data["width"]),
            height=int(data["height"]),
            lines=tuple(_line_from_json(line) for line in data["lines"]),
            frames=int(data.get("frames", 1)),
        )


def _line_from_json(data: Mapping[str, Any]) -> TextLine:
    text = data["text"]
    if not isinstance(text, str):
        raise ValueError("a line's text must be a string")
    return TextLine(text, float(data["confidence"]), as_quad(data["box"]))


@dataclass(frozen=True, slots=True)
class Recognition:
    """A result with the seconds that each stage took (decode, det, cls, rec)."""

    result: OcrResult
    stages: Mapping[str, float] = field(default_factory=dict)
