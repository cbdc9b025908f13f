"""Senders on real databases, with real receivers."""

from __future__ import annotations

from tests.support.databases import location, postgresql

__all__ = ["location", "postgresql"]
