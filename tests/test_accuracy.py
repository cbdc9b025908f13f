"""All four engines on real weights: against known text, and against PaddleOCR's own pipeline.

What that pipeline reads is recorded in data/official.json, with the versions that read it. `make
accuracy` runs it and compares what it reads today with the record.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
EVERY_NTH_PAGE = "5"  # `make accuracy` takes all of them
RUNS = {"v6": ["openvino", "onnxruntime", "paddleocr"], "v4": ["paddle"]}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of benchmarks/accuracy.py by reader and models; one process for each set of weights."""
    folder = tmp_path_factory.mktemp("accuracy")
    processes = {name: _start(engines, folder / name) for name, engines in RUNS.items()}
    found = {}
    for name, process in processes.items():
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output.decode()
        for row in json.loads((folder / name).read_text(encoding="utf-8")):
            found[row["reader"], row["models"]] = row
    return found


def _start(engines: list[str], output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(ROOT / "benchmarks" / "accuracy.py")]
    command += [
        "--official",
        "recorded",
        "--every",
        EVERY_NTH_PAGE,
        "--precision",
        "f32",
        "--json",
        str(output),
    ]
    return subprocess.Popen(
        [*command, "--engine", *engines], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "paddleocr"])
def test_pp_ocrv6_reads_like_the_official_pipeline(
    rows: dict[tuple[str, str], dict[str, Any]], engine: str
) -> None:
    row, official = rows[engine, "PP-OCRv6_small"], rows["official", "PP-OCRv6_small"]
    assert row["accuracy"] > 0.99
    assert row["accuracy"] >= official["accuracy"] - 0.0005
    assert row["agreement"] >= 0.97


def test_pp_ocrv4_through_mkldnn_reads_no_worse_than_the_official_pipeline(
    rows: dict[tuple[str, str], dict[str, Any]],
) -> None:
    row, official = rows["paddle", "PP-OCRv4_mobile"], rows["official", "PP-OCRv4_mobile"]
    assert row["accuracy"] >= official["accuracy"]
    assert row["agreement"] >= 0.97
