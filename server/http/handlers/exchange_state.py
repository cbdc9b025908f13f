"""The states of an exchange; see Exchange for the transitions."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """The states of an exchange; see Exchange for the transitions."""

    RECEIVING = enum.auto()
    WORKING = enum.auto()
    STREAMING = enum.auto()
    ANSWERED = enum.auto()
    REFUSED = enum.auto()
    CLOSING = enum.auto()
    GONE = enum.auto()
