"""A digest of all that may change a result, for results that outlive the process."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import cache
import ocr_engine
from server import formats
from server.version import VERSION

LIBRARIES = (
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "openvino",
    "paddleocr",
    "paddlepaddle",
    "pillow",
)


def identity(fingerprint: str) -> str:
    """A digest of all that may change a result: program, libraries, CPU, models and settings.

    fingerprint: of all model sets. Reads some hundred files, in 10 ms.
    """
    hasher = hashlib.sha256(f"{VERSION}\n{fingerprint}\n{_libraries()}\n{_cpu()}\n".encode())
    for package in (cache, ocr_engine, formats):
        for folder in map(Path, package.__path__):
            for path in sorted(folder.rglob("*.py")):
                hasher.update(hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()


def _libraries() -> dict[str, str]:
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _cpu() -> str:
    """What the CPU can do, which decides the precision that is used."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
