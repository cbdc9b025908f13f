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
class TextPart:
    """A word or a character of a line: its text, its confidence (0 to 1), its box."""

    text: str
    confidence: float
    box: Quad


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line: its text, its confidence (0 to 1), its box.

    The box is four corners (x, y) in pixels of the upright image, clockwise from the top left
    of the image, also where the text stands on its head. Words or chars, without the spaces and
    in the order in which they are read, are there if they were asked for.
    """

    text: str
    confidence: float
    box: Quad
    words: tuple[TextPart, ...] | None = None
    chars: tuple[TextPart, ...] | None = None


@dataclass(frozen=True, slots=True)
class OcrResult:
    """The lines of one image in reading order; width and height are of the upright image.

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
            "lines": [_line_as_json(line) for line in self.lines],
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


def _line_as_json(line: TextLine) -> dict[str, Any]:
    data = _part_as_json(line)
    if line.words is not None:
        data["words"] = [_part_as_json(word) for word in line.words]
    if line.chars is not None:
        data["chars"] = [_part_as_json(char) for char in line.chars]
    return data


def _part_as_json(part: TextPart | TextLine) -> dict[str, Any]:
    return {"text": part.text, "confidence": part.confidence, "box": part.box}


def _line_from_json(data: Mapping[str, Any]) -> TextLine:
    return TextLine(
        *_part_from_json(data),
        words=_parts_from_json(data, "words"),
        chars=_parts_from_json(data, "chars"),
    )


def _parts_from_json(data: Mapping[str, Any], name: str) -> tuple[TextPart, ...] | None:
    if name not in data:
        return None
    return tuple(TextPart(*_part_from_json(part)) for part in data[name])


def _part_from_json(data: Mapping[str, Any]) -> tuple[str, float, Quad]:
    text = data["text"]
    if not isinstance(text, str):
        raise ValueError("a text must be a string")
    return text, float(data["confidence"]), as_quad(data["box"])


@dataclass(frozen=True, slots=True)
class Recognition:
    """A result with the seconds that each stage took (decode, det, cls, rec, draw).

    drawing: a PNG of the image with the boxes over it, if it was asked for.
    """

    result: OcrResult
    stages: Mapping[str, float] = field(default_factory=dict)
    drawing: bytes = b""
