"""Character accuracy of the engines on the project's pages, compared with PaddleOCR's pipeline.

    python benchmarks/accuracy.py [--engine openvino …] [--official] [--images FOLDER] [--list]
                                  [--every N] [--json FILE] [--record]

--official runs tools/official_pipeline.py on the same weights in a separate process, and adds how
many of its lines agree; --list prints all lines that differ. On the project's pages it also
compares its results with tests/data/official.json, which --record writes and `--official
recorded` uses instead of a run, for the tests. --images uses a folder without known text instead
of the project's pages, and prints only the comparison. --every uses each Nth page. --json writes
the rows, for the tests and the docs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from ocr_engine.errors import ImageError  # noqa: E402
from ocr_engine.images.decode import decode  # noqa: E402
from ocr_engine.models.directory import ModelChoice, resolve_models  # noqa: E402
from ocr_engine.options import RecognitionOptions  # noqa: E402
from ocr_engine.recognizer import EngineSettings, load_recognizer  # noqa: E402
from ocr_engine.selection import in_raster_order  # noqa: E402
from text_accuracy import character_accuracy, differing_lines, line_agreement  # noqa: E402

PAGES = ROOT / "tests" / "data" / "pages.json"
RECORD = ROOT / "tests" / "data" / "official.json"
LEAST_OF_RECORD = 0.995  # share of lines that must be as recorded, also on another processor
OFFICIAL_WEIGHTS = {"PP-OCRv6_small": "v6-small", "PP-OCRv4_mobile": "v4-mobile"}
Lines = dict[str, list[str]]


@dataclass(frozen=True)
class Row:
    """An engine's results on all images; accuracy needs known text, agreement another engine."""

    reader: str
    models: str
    seconds_per_page: float
    accuracy: float | None
    agreement: float | None


def main() -> int:
    """Print one row for each engine."""
    arguments = _parse()
    files, expected = _images(arguments)
    if arguments.record:
        record({each: run_official(name, files)[0] for each, name in OFFICIAL_WEIGHTS.items()})
        return 0
    official: dict[str, Lines] = {}
    rows: list[Row] = []
    problems: list[str] = []
    print(f"{'reader':16} {'models':16} {'s/page':>7} {'accuracy':>9} {'agreement':>10}")
    for engine in arguments.engine:
        models = arguments.models or ("PP-OCRv4_mobile" if engine == "paddle" else "PP-OCRv6_small")
        if arguments.official and models not in official:
            if arguments.official == "recorded":
                official[models], seconds = recorded(models, files), 0.0
            else:
                official[models], seconds = run_official(OFFICIAL_WEIGHTS[models], files)
            rows.append(_row("official", models, seconds, official[models], expected, None))
            if expected and arguments.official == "live":
                problems += differs_from_record(models, official[models], files)
        read, seconds = run_engine(engine, models, files, arguments)
        theirs = official.get(models)
        rows.append(_row(engine, models, seconds, read, expected, theirs))
        if arguments.list and theirs:
            _list_differences(read, theirs)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _images(arguments: argparse.Namespace) -> tuple[list[Path], Lines]:
    """The image files, and their known lines by name."""
    if arguments.images:
        return sorted(path for path in arguments.images.iterdir() if path.is_file()), {}
    pages = json.loads(PAGES.read_text(encoding="utf-8"))["pages"][:: arguments.every]
    files = [PAGES.parent / "pages" / page["file"] for page in pages]
    return files, {page["file"]: page["lines"] for page in pages}


def run_engine(
    engine: str, models: str, files: list[Path], arguments: argparse.Namespace
) -> tuple[Lines, float]:
    """The lines of every image and the seconds per image, in this process, one thread."""
    chosen = resolve_models(ModelChoice(set_name=models), engine)
    settings: Any = EngineSettings(engine, chosen, models, arguments.precision)  # type: ignore[arg-type]
    recognizer = load_recognizer(settings)
    options = RecognitionOptions(
        drop_score=arguments.drop_score, use_angle_cls=not arguments.no_classifier
    )
    read: Lines = {}
    start = time.perf_counter()
    for path in files:
        try:
            image = decode(path.read_bytes(), 40_000_000)
        except ImageError as error:
            print(f"{path.name}: {error.code}: {error.message}", file=sys.stderr)
            continue
        (page,) = recognizer.recognize(image, options).result.pages
        read[path.name] = [line.text for line in in_raster_order(page).lines]  # as PaddleOCR's
    return read, (time.perf_counter() - start) / len(files)


def run_official(weights: str, files: list[Path]) -> tuple[Lines, float]:
    """The same with PaddleOCR's own pipeline, in a separate process, with one thread."""
    with tempfile.NamedTemporaryFile(suffix=".json") as output:
        command = [sys.executable, str(ROOT / "tools" / "official_pipeline.py")]
        command += ["--weights", weights, "--output", output.name, *map(str, files)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        answers = json.loads(Path(output.name).read_text(encoding="utf-8"))
    read = {
        Path(name).name: [line["text"] for line in answer["lines"]]
        for name, answer in answers.items()
    }
    return read, sum(answer["seconds"] for answer in answers.values()) / len(answers)


def recorded(models: str, files: list[Path]) -> Lines:
    """The recorded results of PaddleOCR's own pipeline for these files."""
    lines: Lines = json.loads(RECORD.read_text(encoding="utf-8"))["lines"][models]
    return {path.name: lines[path.name] for path in files}


def record(read: dict[str, Lines]) -> None:
    """Write its results and its versions."""
    names = ("paddleocr", "paddlex", "paddlepaddle", "onnxruntime")
    found = {
        "command": "python benchmarks/accuracy.py --record",
        "versions": {name: metadata.version(name) for name in names},
        "lines": read,
    }
    text = json.dumps(found, ensure_ascii=False, indent=1)
    RECORD.write_text(text + "\n", encoding="utf-8")


def differs_from_record(models: str, read: Lines, files: list[Path]) -> list[str]:
    """The differences from the record, if there are more than another processor explains."""
    before = recorded(models, files)
    agreement = line_agreement((read[file], lines) for file, lines in before.items())
    print(f"{'recorded':16} {models:16} {'':7} {'':9} {agreement:10.4f}", flush=True)
    if agreement >= LEAST_OF_RECORD:
        return []
    return [f"{RECORD.name}: {models}: only {agreement:.4f} of its lines are read so today"]


def _row(
    reader: str, models: str, seconds: float, read: Lines, expected: Lines, other: Lines | None
) -> Row:
    accuracy = agreement = None
    if expected:
        known = ((lines, read.get(file, [])) for file, lines in expected.items())
        accuracy = character_accuracy(known)
    if other is not None:
        agreement = line_agreement((read.get(file, []), lines) for file, lines in other.items())
    row = Row(reader, models, seconds, accuracy, agreement)
    shown = [f"{value:.4f}" if value is not None else "-" for value in (accuracy, agreement)]
    print(f"{reader:16} {models:16} {seconds:7.2f} {shown[0]:>9} {shown[1]:>10}", flush=True)
    return row


def _list_differences(read: Lines, theirs: Lines) -> None:
    for file, lines in theirs.items():
        ours_only, theirs_only = differing_lines(read.get(file, []), lines)
        if ours_only or theirs_only:
            print(f"{file}\n  ours:     {ours_only}\n  official: {theirs_only}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", nargs="+", default=["openvino"])
    parser.add_argument("--models", help="catalogue name (the engine's default)")
    parser.add_argument("--precision", default="auto", choices=("auto", "f32", "bf16"))
    parser.add_argument("--drop-score", type=float, default=RecognitionOptions().drop_score)
    parser.add_argument("--no-classifier", action="store_true")
    parser.add_argument("--official", nargs="?", const="live", choices=("live", "recorded"))
    parser.add_argument("--record", action="store_true", help="write tests/data/official.json")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
