"""Removes the invisible text that a PDF already has, as an earlier recognition left it.

Only text that no program shows is removed, so the pages look as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name, Operator, Pdf, Stream

from server.formats.pdf.text_layer import INVISIBLE

MOST_LEVELS = 8  # of forms inside of forms
MOST_BYTES = 16 << 20  # of a content that is parsed, which needs many times as much memory
_SETS_INVISIBLE = re.compile(rb"(?<![\d.])3(?:\.0*)?\s+Tr\b")
_SHOWING = {"Tj", "TJ", "'", '"'}

Instruction = pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage


class InvisibleText:
    """Removes it from pages of one PDF; a form that several pages share is changed once."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._seen: set[tuple[int, int]] = set()

    def remove(self, page: Dictionary) -> None:
        """Change the page's content, and the forms that it draws."""
        resources = page.get("/Resources")
        if _may_have_some(content_of(page)):
            found = without_invisible(pikepdf.parse_content_stream(page), _drawn_fonts(resources))
            if found is not None:
                page["/Contents"] = self._pdf.make_stream(found)
        self._remove_from_forms(resources, 1)

    def _remove_from_forms(self, resources: Any, level: int) -> None:
        for form in _forms(resources):
            if level > MOST_LEVELS or form.objgen in self._seen:
                continue
            self._seen.add(form.objgen)
            own = form.get("/Resources", resources)
            if _may_have_some(form.read_bytes()):
                found = without_invisible(pikepdf.parse_content_stream(form), _drawn_fonts(own))
                if found is not None:
                    form.write(found)
            self._remove_from_forms(own, level + 1)


def content_of(page: Dictionary) -> bytes:
    """The page's content, decoded; its streams are joined as programs that show it do."""
    return b"\n".join(stream.read_bytes() for stream in content_streams(page))


def content_streams(page: Dictionary) -> list[Stream]:
    """The streams of the page's content; those that are none are left out."""
    contents = page.get("/Contents")
    if isinstance(contents, Stream):
        return [contents]
    if isinstance(contents, pikepdf.Array):
        return [each for each in contents if isinstance(each, Stream)]
    return []


def without_invisible(instructions: Sequence[Any], drawn: set[str]) -> bytes | None:
    """The content without the text objects that show nothing; None if there are none.

    drawn: names of fonts whose characters are drawn in every mode. A text object that also shows
    something stays as it is, since what it shows may stand where the invisible text ends.
    """
    kept: list[Instruction] = []
    state, stack = _TextState(), []
    text: list[Instruction] | None = None
    shows = hides = changed = False
    for instruction in instructions:
        name = str(instruction.operator)
        if name == "q":
            stack.append(state)
        elif name == "Q" and stack:
            state = stack.pop()
        else:
            state = state.after(name, instruction)
        if name == "BT":
            text, shows, hides = [], False, False
        if name in _SHOWING:
            invisible = state.mode == INVISIBLE and state.font not in drawn
            shows, hides = shows or not invisible, hides or invisible
        (kept if text is None else text).append(instruction)
        if name == "ET" and text is not None:
            changed |= hides and not shows
            kept += _without_showing(text) if hides and not shows else text
            text = None
    kept += text or []
    return pikepdf.unparse_content_stream(kept) if changed else None


class _TextState:
    """What of the graphics state decides whether text is shown."""

    __slots__ = ("font", "mode")

    def __init__(self, mode: int = 0, font: str = "") -> None:
        self.mode = mode
        self.font = font

    def after(self, name: str, instruction: Any) -> _TextState:
        """The state after this operator."""
        operands = instruction.operands
        if name == "Tr" and operands:
            return _TextState(_whole(operands[0]), self.font)
        if name == "Tf" and operands:
            return _TextState(self.mode, str(operands[0]))
        return self


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _without_showing(text: Sequence[Any]) -> Iterator[Instruction]:
    """The text object without its strings; what else it sets stays in force after it."""
    for instruction in text:
        name = str(instruction.operator)
        if name == '"' and len(instruction.operands) == 3:
            words, characters, _ = instruction.operands
            yield pikepdf.ContentStreamInstruction([words], Operator("Tw"))
            yield pikepdf.ContentStreamInstruction([characters], Operator("Tc"))
        elif name not in _SHOWING:
            yield instruction


def _may_have_some(content: bytes) -> bool:
    """Whether it is worth parsing, and can be."""
    return len(content) <= MOST_BYTES and _SETS_INVISIBLE.search(content) is not None


def _forms(resources: Any) -> Iterator[Stream]:
    objects = resources.get("/XObject") if isinstance(resources, Dictionary) else None
    if not isinstance(objects, Dictionary):
        return
    for _, each in objects.items():
        if isinstance(each, Stream) and each.get("/Subtype") == Name.Form:
            yield each


def _drawn_fonts(resources: Any) -> set[str]:
    """The names of Type 3 fonts, which are drawn whatever the text rendering mode (Tr) is."""
    fonts = resources.get("/Font") if isinstance(resources, Dictionary) else None
    if not isinstance(fonts, Dictionary):
        return set()
    return {
        name
        for name, font in fonts.items()
        if isinstance(font, Dictionary) and font.get("/Subtype") == Name.Type3
    }
