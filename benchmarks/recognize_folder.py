"""Compares the speed of `ocr-server recognize` with the server, on the same images.

    python benchmarks/recognize_folder.py [--images 100] [--workers 2] [--rounds 3]

The server is warm, its cache is off, and it has 4 clients per worker. The command processes a
folder with the same number of workers. Its images/s count after the models are loaded, as with
the server; images/s including loading are printed, too. Images are pages of the project, all with
different bytes. Both alternate, and the median of the rounds' ratios counts: exit status 1 if it
is below 0.95. Writes results/recognize_folder.json. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from machine import write_results  # noqa: E402
from server_under_test import drive, serving  # noqa: E402
from throughput import PAGES, settings  # noqa: E402

from load_test.images import vary  # noqa: E402

MIN_SHARE = 0.95
ENGINE = "openvino"
_SUMMARY = re.compile(
    r"read (\d+) of \1 images in [\d.]+ s \(([\d.]+) images/s\), models loaded in ([\d.]+) s"
)


@dataclass(frozen=True)
class Round:
    """Images per second of both; with_loading: of the command including loading."""

    server: float
    command: float
    with_loading: float
    loading_seconds: float

    @property
    def share(self) -> float:
        """The command's speed relative to the server's."""
        return self.command / self.server


def main() -> int:
    """Print a line per round and the median of the ratios; returns 1 if it is too low."""
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="ocr-benchmark-") as name:
        folder = Path(name)
        images = write_images(folder / "images", arguments.images)
        config = folder / "config.json"
        config.write_text(json.dumps(settings(ENGINE, arguments.workers)))
        rounds = []
        for number in range(arguments.rounds):
            out = folder / f"out{number}"
            rounds.append(take_turns(images, folder / "images", out, config, arguments.workers))
    share = statistics.median(each.share for each in rounds)
    write_results(
        "recognize_folder",
        {
            "images": len(images),
            "workers": arguments.workers,
            "share": share,
            "rounds": [{**vars(each), "share": each.share} for each in rounds],
        },
    )
    print(f"the command has {share:.3f} of the server's images/s, at least {MIN_SHARE} is wanted")
    return 0 if share >= MIN_SHARE else 1


def take_turns(images: list[bytes], folder: Path, out: Path, config: Path, workers: int) -> Round:
    """Run the server, then the command, on the same images in the same order."""
    with serving(settings(ENGINE, workers)) as server:
        drive(server.port, images[:1] * workers, workers)
        served = drive(server.port, images, 4 * workers).per_second
    command = [sys.executable, "-m", "server", "recognize", str(folder), "--output", str(out)]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--config", str(config)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter() - start
    found = _SUMMARY.search(done.stderr)
    if done.returncode != 0 or found is None or len(list(out.glob("*.txt"))) != len(images):
        raise RuntimeError(f"status {done.returncode}:\n{done.stderr}")
    measured = Round(served, float(found[2]), len(images) / spent, float(found[3]))
    print(
        f"server {measured.server:.3f} images/s, command {measured.command:.3f} "
        f"(x {measured.share:.3f}; with start and loading {measured.with_loading:.3f})",
        flush=True,
    )
    return measured


def write_images(folder: Path, count: int) -> list[bytes]:
    """Write this many images with different bytes, with names in their order."""
    folder.mkdir()
    names = [page["file"] for page in json.loads(PAGES.read_text(encoding="utf-8"))["pages"]]
    images = []
    for number, name in enumerate(islice(cycle(names), count)):
        image = vary((PAGES.parent / "pages" / name).read_bytes(), b"image %d" % number)
        assert image is not None, name
        (folder / f"{number:05}{Path(name).suffix}").write_bytes(image)
        images.append(image)
    return images


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
