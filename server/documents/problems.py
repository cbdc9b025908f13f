"""Why a page has no result, as clients see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Problem(Protocol):
    """An error for clients."""

    @property
    def code(self) -> str:
        """One of the error codes in docs/api.md."""

    @property
    def message(self) -> str:
        """The text for people."""


Explain = Callable[[BaseException], Problem]
