"""Character accuracy on the hard set, class by class, compared with PaddleOCR's pipeline.

    python benchmarks/hard_images.py [--half test] [--reader openvino:auto …] [--sample N]
                                     [--class NAME …] [--json FILE] [--no-official]

A reader is an engine, a colon and a precision. PaddleOCR's own pipeline runs on the weights of
PP-OCRv6_small in a separate process; its results are kept in dist/hard_set by the hash of each
image, so only new images take its time. The images are made by tools/hard_set when they are first
needed. The interval of a difference is a bootstrap over images.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from hard_set.classes import CLASSES, HALVES  # noqa: E402
from hard_set.score import ReadLine, Score, accuracy, difference, page_score  # noqa: E402
from hard_set.store import FOLDER, Page, clear_old, pages  # noqa: E402
from ocr_engine.images.decode import decode  # noqa: E402
from ocr_engine.models.directory import ModelChoice, resolve_models  # noqa: E402
from ocr_engine.options import RecognitionOptions  # noqa: E402
from ocr_engine.recognizer import EngineSettings, load_recognizer  # noqa: E402

MODELS = "PP-OCRv6_small"
READERS = ("openvino:auto", "openvino:f32", "onnxruntime:auto")
AT_ONCE = 20  # images per run of PaddleOCR's pipeline, after which its results are kept
Scores = dict[str, list[Score]]


def main() -> int:
    """Print one table for each reader."""
    arguments = _parse()
    clear_old()
    chosen = [
        page for page in pages(arguments.half, arguments.sample) if page.kind in arguments.kind
    ]
    counted = sum(len("".join(row.text.split())) for page in chosen for row in page.rows)
    print(f"{len(chosen)} images, {counted} characters, {arguments.half} half", flush=True)
    official = None if arguments.no_official else _scores(chosen, official_lines(chosen))
    found: dict[str, Scores] = {} if official is None else {"official": official}
    for reader in arguments.reader:
        lines, seconds = run_reader(reader, chosen)
        found[reader] = _scores(chosen, lines)
        print(f"\n{reader}: {seconds:.3f} CPU seconds per image")
        print_table(found[reader], official)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def print_table(ours: Scores, official: Scores | None) -> None:
    """One row for each class, and the total."""
    print(f"{'class':14} {'characters':>10} {'PaddleOCR':>10} {'ours':>8}  difference [95 %]")
    for kind in [*ours, "total"]:
        kinds = list(ours) if kind == "total" else [kind]
        scores = [score for each in kinds for score in ours[each]]
        row = f"{kind:14} {sum(score.characters for score in scores):10}"
        if official is None:
            print(f"{row} {'-':>10} {accuracy(scores):8.4f}", flush=True)
            continue
        theirs = [score for each in kinds for score in official[each]]
        value, low, high = difference([ours[k] for k in kinds], [official[k] for k in kinds])
        row = f"{row} {accuracy(theirs):10.4f} {accuracy(scores):8.4f}"
        print(f"{row}  {value:+.4f} [{low:+.4f}, {high:+.4f}]", flush=True)


def run_reader(reader: str, chosen: list[Page]) -> tuple[list[list[ReadLine]], float]:
    """The lines of every page, and the CPU seconds per page; in this process, one thread."""
    engine, _, precision = reader.partition(":")
    source = resolve_models(ModelChoice(set_name=MODELS), engine)
    settings: Any = EngineSettings(engine, source, MODELS, precision or "auto")  # type: ignore[arg-type]
    recognizer = load_recognizer(settings)
    read = []
    start = time.process_time()
    for page in chosen:
        image = decode(page.path.read_bytes(), 40_000_000)
        result = recognizer.recognize(image, RecognitionOptions()).result
        read.append([_read_line(line.text, line.box) for line in result.lines])
    return read, (time.process_time() - start) / len(chosen)


def official_lines(chosen: list[Page]) -> list[list[ReadLine]]:
    """The same by PaddleOCR's own pipeline, kept by the hash of each image."""
    names = ("paddleocr", "paddlex", "onnxruntime")
    versions = "-".join(metadata.version(name) for name in names)
    path = FOLDER / f"official-{versions}.json"
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    hashes = [hashlib.sha256(page.path.read_bytes()).hexdigest() for page in chosen]
    missing = [
        (digest, page.path)
        for digest, page in zip(hashes, chosen, strict=True)
        if digest not in known
    ]
    for first in range(0, len(missing), AT_ONCE):
        some = missing[first : first + AT_ONCE]
        print(f"PaddleOCR: {len(missing) - first} images to read", flush=True)
        known.update(
            zip((digest for digest, _ in some), _official([p for _, p in some]), strict=True)
        )
        path.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
    return [[_read_line(*line) for line in known[digest]] for digest in hashes]


def _official(files: list[Path]) -> list[list[Any]]:
    """The text and box of each line, by file."""
    with tempfile.NamedTemporaryFile(suffix=".json") as output:
        command = [sys.executable, str(ROOT / "tools" / "official_pipeline.py")]
        command += ["--weights", "v6-small", "--output", output.name, *map(str, files)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        answers = json.loads(Path(output.name).read_text(encoding="utf-8"))
    return [[(line["text"], line["box"]) for line in answers[str(file)]["lines"]] for file in files]


def _scores(chosen: list[Page], read: list[list[ReadLine]]) -> Scores:
    scores: Scores = {}
    for page, lines in zip(chosen, read, strict=True):
        scores.setdefault(page.kind, []).append(page_score(page.rows, page.to_image, lines))
    return scores


def _read_line(text: str, box: Any) -> ReadLine:
    across, down = zip(*box, strict=True)
    return ReadLine(text, sum(across) / len(across), sum(down) / len(down))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--half", choices=HALVES, default="test")
    parser.add_argument("--reader", nargs="+", default=list(READERS), metavar="ENGINE:PRECISION")
    parser.add_argument("--sample", type=int, help="only the first N images of each class")
    parser.add_argument("--class", dest="kind", nargs="+", default=list(CLASSES), choices=CLASSES)
    parser.add_argument("--no-official", action="store_true")
    parser.add_argument("--json", type=Path, help="write the wrong characters of each image")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
