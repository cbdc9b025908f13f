"""The errors of stores, sources and readings."""

from __future__ import annotations


class ObjectGone(Exception):
    """There is no object with this key."""


class StoreUnavailable(Exception):
    """A store or a folder does not answer or refuses; the message is one line for the operator."""


class ReadFailure(Exception):
    """An object could not be read; `code` is an error code of docs/api.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
