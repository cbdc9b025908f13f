"""Who a request is made for. Without keys, everybody is the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The user that a request counts for."""

    name: str


ANONYMOUS = Principal("anonymous")
