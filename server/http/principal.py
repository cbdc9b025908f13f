"""The user of a request. Without keys, all requests have the same user."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The user to whom a request is counted."""

    name: str


ANONYMOUS = Principal("anonymous")
