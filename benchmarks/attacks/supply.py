"""Findings 8, 13, 22: what is installed and locked; nothing is sent to the server."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from attacks.attack import Attack, Seen, Target

ROOT = Path(__file__).resolve().parents[2]
PILLOW = (13, 0)  # 12.3 has critical holes
FORBIDDEN = {"imread", "imdecode", "imreadmulti", "imdecodemulti", "VideoCapture"}


def versions(_: Target) -> Seen:
    """Pillow without the holes of 12.3, and a Python that still gets it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pillow = version("pillow")
    numbers = tuple(int(part) for part in pillow.split(".")[:2])
    needed = next(each for each in project["dependencies"] if each.startswith("pillow"))
    holds = numbers >= PILLOW and needed == "pillow>=13.0" and sys.version_info >= (3, 11)
    text = f"Pillow {pillow}, {needed}, Python {project['requires-python']}"
    return Seen(text, holds and project["requires-python"] == ">=3.11")


def hashes(_: Target) -> Seen:
    """Each locked package has hashes."""
    locks = sorted(ROOT.glob("requirements/*.txt"))
    pins, bare = 0, []
    for lock in locks:
        entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text().replace("\\\n", " "))
        for entry in entries:
            if re.match(r"[A-Za-z0-9._\[\]-]+ *(==|@)", entry):
                pins += 1
                if "--hash=" not in entry:
                    bare.append(f"{lock.name}: {entry.split()[0]}")
    return Seen(
        f"{pins} pins in {len(locks)} locks, {len(bare)} without hashes", pins > 0 and not bare
    )


def decoders(_: Target) -> Seen:
    """OpenCV decodes no file of a client: its decoders have more holes than Pillow's."""
    found = []
    for package in ("server", "ocr_engine", "cache", "ocr_cli"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
                    found.append(f"{path.name}: {node.attr}")
    return Seen(", ".join(found) or "none is used", not found)


ATTACKS = (
    Attack("8", "known holes in Pillow", "Pillow >= 13, Python >= 3.11", versions),
    Attack("13", "locks without hashes", "none", hashes),
    Attack("22", "decoders of OpenCV", "none is used", decoders),
)
