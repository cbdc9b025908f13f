"""Character accuracy on the hard set, class by class, compared with PaddleOCR's pipeline.

    python benchmarks/hard_images.py [--half test] [--reader balanced openvino:f32 …] [--sample N]
                                     [--class NAME …] [--json FILE] [--no-official]

A reader is a value of ocr.profile, or an engine, a colon and a precision. PaddleOCR's own pipeline
runs on the weights of PP-OCRv6_small in a separate process. What was read is kept in dist/hard_set
by the hash of each image: an image is read again only after a change of the reader (of this
server's code, its settings, the CPU; of PaddleOCR's version). The images are made by tools/hard_set
when they are first needed. The interval of a difference is a bootstrap over images.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from machine import machine  # noqa: E402

from hard_set.classes import CLASSES, HALVES  # noqa: E402
from hard_set.readings import PageReading, kept_readings  # noqa: E402
from hard_set.score import ReadLine, Score, accuracy, difference, page_score  # noqa: E402
from hard_set.store import Page, clear_old, pages  # noqa: E402
from ocr_engine.images.decode import decode  # noqa: E402
from ocr_engine.recognizer import Recognizer, load_recognizer  # noqa: E402
from server.settings.engine import default_options, engine_settings  # noqa: E402
from server.settings.loading import load_settings  # noqa: E402

READERS = ("balanced", "openvino:f32", "onnxruntime:auto")
MAX_PIXELS = 40_000_000
Scores = dict[str, list[Score]]


class OurReader:
    """This server's engine with the settings of a profile, or an engine and a precision."""

    def __init__(self, name: str) -> None:
        engine, _, precision = name.partition(":")
        given = {"ocr.engine": engine, "ocr.precision": precision} if precision else {}
        settings = load_settings(None, {}, given or {"ocr.profile": name})
        self.name = name.replace(":", "-")
        self._engine = engine_settings(settings)
        self._options = default_options(settings)
        self._dropped = settings.ocr.predict_system.drop_score
        self._recognizer: Recognizer | None = None

    def fingerprint(self) -> str:
        """A digest of the code, the settings and the CPU."""
        digest = hashlib.sha256(self._engine.fingerprint().encode())
        digest.update(self._options.fingerprint().encode())
        digest.update(str(machine()["cpu"]).encode())
        for path in sorted((ROOT / "ocr_engine").rglob("*.py")):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def read(self, files: Sequence[Path]) -> list[PageReading]:
        """What the engine reads, and its CPU seconds; in this process, one thread."""
        if self._recognizer is None:
            self._recognizer = load_recognizer(self._engine)
        found = []
        for file in files:
            image = decode(file.read_bytes(), MAX_PIXELS)
            start = time.process_time()
            lines = self._recognizer.recognize(image, self._options).result.lines
            seconds = time.process_time() - start
            kept = [(line.text, line.box) for line in lines if line.confidence >= self._dropped]
            found.append(PageReading(kept, round(seconds, 4)))
        return found


def main() -> int:
    """Print one table for each reader."""
    arguments = _parse()
    clear_old()
    chosen = [
        page for page in pages(arguments.half, arguments.sample) if page.kind in arguments.kind
    ]
    counted = sum(len("".join(row.text.split())) for page in chosen for row in page.rows)
    print(f"{len(chosen)} images, {counted} characters, {arguments.half} half", flush=True)
    files = [page.path for page in chosen]
    official = None
    if not arguments.no_official:
        official = _scores(chosen, official_readings(files))
    found: dict[str, Scores] = {} if official is None else {"official": official}
    for name in arguments.reader:
        reader = OurReader(name)
        read = kept_readings(reader.name, reader.fingerprint(), files, reader.read)
        found[name] = _scores(chosen, read)
        seconds = sum(each.seconds for each in read) / len(read)
        print(f"\n{name}: {seconds:.3f} CPU seconds per image")
        print_table(found[name], official)
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


def official_readings(files: Sequence[Path]) -> list[PageReading]:
    """What PaddleOCR's own pipeline reads."""
    names = ("paddleocr", "paddlex", "onnxruntime")
    versions = "-".join(metadata.version(name) for name in names)
    return kept_readings("official", versions, files, _official)


def _official(files: Sequence[Path]) -> list[PageReading]:
    with tempfile.NamedTemporaryFile(suffix=".json") as output:
        command = [sys.executable, str(ROOT / "tools" / "official_pipeline.py")]
        command += ["--weights", "v6-small", "--output", output.name, *map(str, files)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        answers = json.loads(Path(output.name).read_text(encoding="utf-8"))
    return [
        PageReading(
            [(line["text"], line["box"]) for line in answers[str(file)]["lines"]],
            answers[str(file)]["seconds"],
        )
        for file in files
    ]


def _scores(chosen: list[Page], read: list[PageReading]) -> Scores:
    scores: Scores = {}
    for page, reading in zip(chosen, read, strict=True):
        lines = [_read_line(text, box) for text, box in reading.lines]
        scores.setdefault(page.kind, []).append(page_score(page.rows, page.to_image, lines))
    return scores


def _read_line(text: str, box: Any) -> ReadLine:
    across, down = zip(*box, strict=True)
    return ReadLine(text, sum(across) / len(across), sum(down) / len(down))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--half", choices=HALVES, default="test")
    parser.add_argument("--reader", nargs="*", default=list(READERS), metavar="READER")
    parser.add_argument("--sample", type=int, help="only the first N images of each class")
    parser.add_argument("--class", dest="kind", nargs="+", default=list(CLASSES), choices=CLASSES)
    parser.add_argument("--no-official", action="store_true")
    parser.add_argument("--json", type=Path, help="write the wrong characters of each image")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
