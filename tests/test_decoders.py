"""Only Pillow decodes images: OpenCV's decoders have holes, and no list of allowed formats."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("cache", "load_test", "ocr_cli", "ocr_client", "ocr_engine", "server")
FORBIDDEN = frozenset(
    (
        *("imread", "imreadmulti", "imreadanimation", "imreadWithMetadata"),
        *("imdecode", "imdecodemulti", "imdecodeanimation", "imdecodeWithMetadata"),
        *("imcount", "haveImageReader", "VideoCapture", "ImageCollection"),
    )
)


def names_in(source: str) -> Iterator[str]:
    """Every name, attribute, import and string in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("package", PACKAGES)
def test_no_decoder_of_opencv_is_used(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    for path in modules:
        assert FORBIDDEN.isdisjoint(names_in(path.read_text(encoding="utf-8"))), path


@pytest.mark.parametrize(
    "source",
    [
        "import cv2\ncv2.imdecode(data, 1)",
        "from cv2 import imread",
        "from cv2 import imread as read",
        "import cv2\ngetattr(cv2, 'imdecode')(data, 1)",
        "import cv2\nread = cv2.VideoCapture",
    ],
)
def test_the_rule_finds_them(source: str) -> None:
    assert not FORBIDDEN.isdisjoint(names_in(source))
