"""Checks that upright numbers are not rotated, and that upside-down lines are.

    python benchmarks/upright_numbers.py [--seed 52] [--count 3000] [--official] [--list]
                                         [--fonts FOLDER] [--json FILE]

1. Upright numbers of 1 to 6 digits, 70 % of them only of 0 1 6 8 9, and a fifth as many with
   signs, in six faces and five sizes, with and without rules, in cells. A recognized line belongs
   to the cell that has its center. TURNED: the text is that of the number rotated by 180 degrees.
   --official runs PaddleOCR's own pipeline with the same weights on the same pages.
2. Lines and pages in four directions, and how many lines are correct.

Exit status 1 if a number was rotated, or if fewer than 99.7 % are correct and, with --official,
fewer than PaddleOCR's. --list prints wrong results. Fonts: the Debian packages in
tools/pages/fonts.py, or those in a folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from number_pages import (  # noqa: E402
    FACES,
    GROUPS,
    RULES,
    SIZES,
    Cell,
    CellPage,
    directed_pages,
    number_pages,
)

import pages.fonts  # noqa: E402
from ocr_engine.images.decode import decode  # noqa: E402
from ocr_engine.models.directory import ModelChoice, resolve_models  # noqa: E402
from ocr_engine.options import RecognitionOptions  # noqa: E402
from ocr_engine.recognizer import EngineSettings, load_recognizer  # noqa: E402

MODELS = "PP-OCRv6_small"
RIGHT_SHARE = 0.997
OUTCOMES = ("right", "wrong", "missing", "TURNED")
TURNED = str.maketrans("69", "96")

Lines = list[tuple[str, tuple[float, float]]]  # texts and the centers of their boxes (x, y)
Counts = dict[str, Counter[str]]  # how many of each outcome, by label


def main() -> int:
    """Recognize both kinds of pages and print the tables."""
    arguments = _parse()
    if arguments.fonts:
        pages.fonts.FONT_ROOT = arguments.fonts
    try:
        numbers = list(number_pages(arguments.seed, arguments.count))
        directed = list(directed_pages(arguments.seed))
    except (pages.fonts.MissingFontError, ValueError) as error:
        print(f"upright_numbers: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        files = _save(numbers, Path(folder), "number")
        ours = count(numbers, read(files), arguments.list)
        official = count(numbers, read_official(files), False) if arguments.official else None
        turned = count(directed, read(_save(directed, Path(folder), "directed")), False)
    print_numbers(ours, official)
    print_directions(turned)
    if arguments.json:
        figures = {"ours": ours, "official": official, "directions": turned}
        arguments.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False))
    return verdict(ours, official)


def read(files: Sequence[Path]) -> list[Lines]:
    """The lines of the default engine with its default options."""
    models = resolve_models(ModelChoice(set_name=MODELS), "openvino")
    recognizer = load_recognizer(EngineSettings("openvino", models, MODELS))
    found = []
    for file in files:
        image = decode(file.read_bytes(), 40_000_000)
        lines = recognizer.recognize(image, RecognitionOptions()).result.lines
        found.append([(line.text, _middle(line.box)) for line in lines])
    return found


def read_official(files: Sequence[Path]) -> list[Lines]:
    """The lines of PaddleOCR's own pipeline without a model for text-line orientation."""
    with tempfile.NamedTemporaryFile(suffix=".json") as output:
        command = [sys.executable, str(ROOT / "tools" / "official_pipeline.py")]
        command += ["--weights", "v6-small", "--output", output.name, *map(str, files)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        answers = json.loads(Path(output.name).read_text(encoding="utf-8"))
    return [
        [(line["text"], _middle(line["box"])) for line in answers[str(file)]["lines"]]
        for file in files
    ]


def count(read_pages: Sequence[CellPage], found: Sequence[Lines], listed: bool) -> Counts:
    """The outcomes by each label of the pages, by their combinations, and in total."""
    counts: Counts = defaultdict(Counter)
    for page, lines in zip(read_pages, found, strict=True):
        for cell, text in zip(page.cells, texts_of_cells(page.cells, lines), strict=True):
            result = outcome(cell.text, text)
            for label in (*page.labels, " / ".join(page.labels), "all"):
                counts[label][result] += 1
            if listed and result != "right":
                print(f"{result:8} {cell.text!r} read as {text!r}  ({', '.join(page.labels)})")
    return dict(counts)


def texts_of_cells(cells: Sequence[Cell], lines: Lines) -> list[str]:
    """The recognized text of each cell, from left to right."""
    texts = []
    for left, top, right, bottom in (cell.box for cell in cells):
        inside = [(x, text) for text, (x, y) in lines if left <= x < right and top <= y < bottom]
        texts.append("".join(text for _, text in sorted(inside)))
    return texts


def outcome(truth: str, text: str) -> str:
    """One of OUTCOMES; blanks and full-width forms are ignored."""
    truth, text = (_normalised(each) for each in (truth, text))
    if text == truth:
        return "right"
    if not text:
        return "missing"
    return "TURNED" if text == truth[::-1].translate(TURNED) else "wrong"


def print_numbers(ours: Counts, official: Counts | None) -> None:
    """A row for each face, size, kind of rules and group, then of all."""
    sides = {"ours": ours} | ({"PaddleOCR": official} if official else {})
    print(f"{'upright numbers':16}" + "".join(f"  {side:>34}" for side in sides))
    print(" " * 16 + ("  " + "".join(f"{name:>8}" for name in OUTCOMES) + "  ") * len(sides))
    for label in (*FACES, *(f"{size} px" for size in SIZES), *RULES, *GROUPS, "all"):
        cells = (f"{counts[label][name]:8}" for counts in sides.values() for name in OUTCOMES)
        print(f"{label:16}  " + "    ".join(_in_groups(cells, len(OUTCOMES))))


def print_directions(counts: Counts) -> None:
    """A row for each kind of lines in each direction."""
    print(f"\n{'lines read right, by direction':54} right    of")
    for label in (label for label in counts if " / " in label):
        total = sum(counts[label].values())
        print(f"{label:54} {counts[label]['right']:5} {total:5}")


def verdict(ours: Counts, official: Counts | None) -> int:
    """1 if a number was rotated, or too few are correct."""
    digits = ours["digits"]
    needed = RIGHT_SHARE * sum(digits.values())
    if official:
        needed = min(needed, official["digits"]["right"])
    turned = ours["all"]["TURNED"]
    print(f"\nturned: {turned}; right: {digits['right']} of {sum(digits.values())} without signs")
    return 1 if turned or digits["right"] < needed else 0


def _save(drawn: Sequence[CellPage], folder: Path, name: str) -> list[Path]:
    files = [folder / f"{name}_{index:04}.png" for index in range(len(drawn))]
    for page, file in zip(drawn, files, strict=True):
        page.image.save(file)
    return files


def _middle(box: Sequence[Sequence[float]]) -> tuple[float, float]:
    xs, ys = zip(*box, strict=True)
    return sum(xs) / len(xs), sum(ys) / len(ys)


def _normalised(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _in_groups(cells: Iterable[str], size: int) -> list[str]:
    listed = list(cells)
    return ["".join(listed[start : start + size]) for start in range(0, len(listed), size)]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=52)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--official", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--fonts", type=Path, help="folder with the fonts (/usr/share/fonts)")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
