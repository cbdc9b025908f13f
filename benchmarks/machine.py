"""Writes results of benchmarks as JSON, with the machine, versions and date."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
DISTRIBUTIONS = (
    "openvino",
    "onnxruntime",
    "numpy",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
    "pillow",
    "tornado",
)
SPEED_FLAGS = re.compile(r"avx2|avx512_(vnni|bf16|fp16)|avx_vnni|amx_\w+|sha_ni")


def write_results(name: str, figures: dict[str, Any]) -> Path:
    """Write results/NAME.json: machine, versions and date, then the figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps({**circumstances(), **figures}, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def circumstances() -> dict[str, Any]:
    """The fields `machine`, `versions` and `date` of every result."""
    return {"machine": machine(), "versions": versions(), "date": date()}


def machine() -> dict[str, Any]:
    """The CPU's name and relevant flags, usable cores, and memory in GiB."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return {
        "cpu": _first(cpu, "model name"),
        "flags": [flag for flag in _first(cpu, "flags").split() if SPEED_FLAGS.fullmatch(flag)],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
    }


def versions() -> dict[str, str]:
    """Python and the distributions that are installed."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def date() -> str:
    """Now, in UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _first(cpu: str, field: str) -> str:
    """The first core's value; empty where /proc/cpuinfo has no such field, as on ARM."""
    found = re.search(rf"^{field}\s*: *(.*)$", cpu, re.MULTILINE)
    return found[1] if found else ""
