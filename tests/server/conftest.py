"""Fixtures of the server's tests: databases."""

from __future__ import annotations

from tests.support.databases import location, postgresql

__all__ = ["location", "postgresql"]
