"""How a result is written: choices of a request that need no recognition of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = str  # the name of a row in registry.py
Order = Literal["layout", "raster"]
TextForm = Literal["lines", "paragraphs", "rows", "code"]


@dataclass(frozen=True, slots=True)
class Rendering:
    """These choices; they are not in the cache key, so one kept result serves all of them.

    order: of the lines; None: that of the format. text: how lines are joined to a text. layout:
    whether JSON has the blocks. drop_score: lines with less confidence (0 to 1) are left out; None:
    as the result was stored.
    """

    format: Format = "json"
    order: Order | None = None
    text: TextForm = "lines"
    layout: bool = False
    drop_score: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the stored JSON has the lines and the text that are asked for."""
        return (
            self.drop_score is None
            and self.text == "lines"
            and not self.layout
            and self.order in (None, "layout")
        )

    @property
    def tag(self) -> str:
        """A text that differs for different renderings."""
        if self.is_plain and self.order is None:
            return self.format
        score = "" if self.drop_score is None else repr(self.drop_score)
        return f"{self.format}-{self.order}-{self.text}-{self.layout}-{score}"
