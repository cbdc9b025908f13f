"""Checks that rotated and skewed pages are read like upright ones, and that no upright page turns.

    python benchmarks/turned_pages.py [--seed 41] [--count 300] [--turned 104] [--list]
                                      [--fonts FOLDER] [--json FILE]

1. --count upright pages of many kinds, with numbers alone among them: how many get an angle.
2. The first --turned of them, rotated by 90, 180 and 270 degrees, skewed by up to 8 degrees, and
   both: accuracy of characters with the lines in the order in which they were returned, and pages
   whose lines are in the order of the upright page.

Exit status 1 if an upright page was turned, or if a kind of rotated pages other than numbers has
less than 99.5 % of its upright accuracy.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from PIL import Image  # noqa: E402
from whole_pages import WholePage, skewed, whole_pages  # noqa: E402

import pages.fonts  # noqa: E402
from ocr_engine.images.decode import decode  # noqa: E402
from ocr_engine.models.directory import ModelChoice, resolve_models  # noqa: E402
from ocr_engine.options import RecognitionOptions  # noqa: E402
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer  # noqa: E402
from ocr_engine.result import Page  # noqa: E402
from ocr_engine.selection import in_raster_order  # noqa: E402
from text_accuracy import errors_and_length, normalise  # noqa: E402

MODELS = "PP-OCRv6_small"
NUMBERS = ("numbers", "long numbers")  # may stay as they lie
COLUMNS = "columns"  # lying on their side they look like rows, and no angle is right
SHARE = 0.995  # of the upright accuracy
MAX_SKEW = 8.0
ROTATIONS = {
    90: Image.Transpose.ROTATE_90,  # counter-clockwise, so clockwise back
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}
UPRIGHT, SKEWED = "upright", "skewed"
COUNTS = ("wrong", "characters", "pages", "angles", "ordered", "wrong as upright")

Counts = dict[str, dict[str, Counter[str]]]  # by direction, by kind of page


def main() -> int:
    """Recognize all pages and print the tables."""
    arguments = _parse()
    if arguments.fonts:
        pages.fonts.FONT_ROOT = arguments.fonts
    models = resolve_models(ModelChoice(set_name=MODELS), "openvino")
    recognizer = load_recognizer(EngineSettings("openvino", models, MODELS))
    counts: Counts = defaultdict(lambda: defaultdict(Counter))
    generator = random.Random(arguments.seed)
    for number, page in enumerate(whole_pages(arguments.seed, arguments.count)):
        upright = read(recognizer, page)
        add(counts, UPRIGHT, page, upright, 0, upright, arguments.list)
        if number >= arguments.turned:
            continue
        tilted = skewed(page, generator.uniform(-MAX_SKEW, MAX_SKEW))
        found = read(recognizer, tilted)
        add(counts, SKEWED, page, found, 0, upright, arguments.list)
        for kind, base in (("", page), (f", {SKEWED}", tilted)):
            for angle, rotation in ROTATIONS.items():
                image = base.image.transpose(rotation)
                found = read(recognizer, WholePage(page.kind, image, page.lines))
                add(counts, f"{angle}{kind}", page, found, angle, upright, arguments.list)
    print_counts(counts)
    if arguments.json:
        arguments.json.write_text(json.dumps(counts, indent=1, ensure_ascii=False))
    return verdict(counts)


def read(recognizer: Recognizer, page: WholePage) -> Page:
    """The page as the default engine reads it with its default options."""
    encoded = io.BytesIO()
    page.image.save(encoded, "PNG")
    image = decode(encoded.getvalue(), 40_000_000)
    (found,) = recognizer.recognize(image, RecognitionOptions()).result.pages
    return in_raster_order(found)  # as the known lines


def add(
    counts: Counts,
    direction: str,
    page: WholePage,
    found: Page,
    angle: int,
    upright: Page,
    listed: bool,
) -> None:
    """Count what is right on a page that must be rotated clockwise by `angle`."""
    lines = [line.text for line in found.lines]
    wrong, characters = errors_and_length(page.lines, lines)
    usual, _ = errors_and_length(page.lines, [line.text for line in upright.lines])
    right_angle = found.angle == angle or (page.kind == COLUMNS and angle in (90, 270))
    ordered = same_order([line.text for line in upright.lines], lines)
    counts[direction][page.kind] += Counter(
        {
            "wrong": wrong,
            "characters": characters,
            "pages": 1,
            "angles": right_angle,
            "ordered": ordered,
            "wrong as upright": usual,
        }
    )
    if listed and (not right_angle or not ordered or wrong > usual):
        print(f"{page.kind}, {direction}: angle {found.angle}, wrong {wrong}, upright {usual}")
        print("   ", " | ".join(lines)[:400])


def same_order(expected: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether the lines that occur once in both are in the same order."""
    first, second = ([normalise(line) for line in each] for each in (expected, lines))
    once = {line for line in first if first.count(line) == second.count(line) == 1}
    return [line for line in first if line in once] == [line for line in second if line in once]


def print_counts(counts: Counts) -> None:
    """A row for each kind of page in each direction."""
    print(f"{'':14} {'':24} {'accuracy':>9} {'upright':>9} {'angle':>9} {'order':>9} {'pages':>6}")
    for direction, kinds in counts.items():
        for kind, count in [*kinds.items(), ("all", total(kinds.values()))]:
            accuracy, upright = (
                1 - count[name] / count["characters"] for name in ("wrong", "wrong as upright")
            )
            print(
                f"{direction:14} {kind:24} {accuracy:9.4f} {upright:9.4f} "
                f"{count['angles']:9} {count['ordered']:9} {count['pages']:6}"
            )


def total(counts: Iterable[Counter[str]]) -> Counter[str]:
    """The sums of the counts."""
    summed: Counter[str] = Counter()
    for count in counts:
        summed.update(count)
    return summed


def verdict(counts: Counts) -> int:
    """1 if an upright page was turned, or rotated pages are read worse than upright ones."""
    failed = False
    for direction, kinds in counts.items():
        turned = sum(count["pages"] - count["angles"] for count in kinds.values())
        text = total([count for kind, count in kinds.items() if kind not in NUMBERS])
        right, usual = (text["characters"] - text[name] for name in ("wrong", "wrong as upright"))
        share = right / usual if usual else 1.0
        upright = direction in (UPRIGHT, SKEWED)
        failed |= share < SHARE or (upright and turned > 0)
        print(f"{direction}: {share:.4f} of the upright accuracy, {turned} other angles")
    return int(failed)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--turned", type=int, default=104)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--fonts", type=Path, help="folder with the fonts (/usr/share/fonts)")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
