"""docs/architecture.md says where everything is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("cache", "load_test", "ocr_cli", "ocr_client", "ocr_cluster", "ocr_engine", "server")
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def modules(package: str) -> list[Path]:
    """The modules of a package, without the steps of the database's schema."""
    return [
        path.relative_to(ROOT)
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py" and "migrations" not in path.parts
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_named(package: str) -> None:
    named = set(re.findall(r"[\w-]+\.py\b", PAGE))
    assert modules(package)
    assert [str(path) for path in modules(package) if path.name not in named] == []


def test_every_file_that_is_named_with_its_folder_exists() -> None:
    top = "|".join((*PACKAGES, "tools", "tests", "docs", "benchmarks"))
    named = set(re.findall(rf"`((?:{top})/[\w/.-]+\.\w+)`", PAGE))
    assert len(named) > 50
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
