"""A page of the layout set as HTML."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape

from layout_set.truth import Part, TrueType

_BASE = """
* { margin: 0; padding: 0; box-sizing: border-box; font-weight: inherit; font-size: inherit; }
html { background: #fff; color: #16161a; }
body { overflow: hidden; overflow-wrap: break-word; line-break: strict; }
table { border-collapse: collapse; }
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of this size in pixels; height 0: as high as what is on it.

    turn: degrees by which its image is rotated counter-clockwise.
    """

    html: str
    width: int
    height: int = 0
    turn: float = 0.0

    def turned(self, degrees: float) -> Sheet:
        """The same page, rotated."""
        return replace(self, turn=degrees)


def document(body: str, css: str, language: str) -> str:
    """A whole HTML document."""
    lang = {"zh": "zh-CN", "both": "zh-CN", "ja": "ja"}.get(language, "en")
    head = f'<meta charset="utf-8"><style>{_BASE}{css}</style>'
    return f'<!doctype html><html lang="{lang}"><head>{head}</head><body>{body}</body></html>'


def block(type_: TrueType, text: str, tag: str = "p", css_class: str = "", style: str = "") -> str:
    """An element that is one block of text."""
    attributes = f' class="{css_class}"' if css_class else ""
    attributes += f' style="{style}"' if style else ""
    return f'<{tag} data-block="{type_}"{attributes}>{escape(text)}</{tag}>'


@dataclass(frozen=True, slots=True)
class OfficeSheet:
    """A text document as flat OpenDocument XML, and its parts; its first page is drawn."""

    xml: str
    parts: tuple[Part, ...]
