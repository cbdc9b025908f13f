"""The three scenarios of the 2021 README: 50 clients with different, equal and cached images.

    python benchmarks/scenarios.py [--clients 50] [--workers 2]

Uses multirequest.py against a server of its own, with uploads of at least 100 KB: pages of the
project, padded with a JPEG comment. The times to compare with are taken in the same run from a
server with one worker and one client. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from PIL import Image
from server_under_test import ROOT, ServerUnderTest, drive, serving

PAGES = ROOT / "tests" / "data" / "pages"
UPLOAD_BYTES = 100_000
CACHED_REQUESTS = 3000


def main() -> int:
    """Print each scenario with its reference."""
    arguments = _parse()
    names = [page["file"] for page in json.loads(PAGES.with_suffix(".json").read_text())["pages"]]
    images = [padded_jpeg(PAGES / name) for name in names[::5]]
    with serving(settings(1, cache=False)) as server:
        drive(server.port, images[:1], 1)
        times = [drive(server.port, [image], 1).seconds for image in images]
    sent = list(islice(cycle(times), arguments.clients))
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(settings(arguments.workers, cache=True)) as server,
    ):
        drive(server.port, [padded_jpeg(PAGES / name) for name in names[1:3]], 2)
        alone = one_after_the_other(server, images[0])
        for number, image in enumerate(images):
            (Path(folder) / f"{number:02}.jpg").write_bytes(image)
        different = load(server, folder, "different", arguments.clients)
        for path in sorted(Path(folder).iterdir())[1:]:
            path.unlink()
        same = load(server, folder, "same", arguments.clients)
        cached = load(server, folder, "cached", arguments.clients, CACHED_REQUESTS)
    ideal = sum(sent) / arguments.workers
    _print("different", different, f"{different['wall_seconds'] / ideal:.3f} x ideal {ideal:.1f} s")
    slowest = different_max(same) / 1000
    _print("same", same, f"slowest {slowest / alone:.3f} x one recognition {alone:.3f} s")
    _print("cached", cached, f"{cached['images_per_second']:.0f} answers/s of {UPLOAD_BYTES} bytes")
    return 0


def one_after_the_other(server: ServerUnderTest, image: bytes) -> float:
    """Seconds of one recognition on an idle server: the median of three fresh variants."""
    return sorted(drive(server.port, [image + bytes([n])], 1).seconds for n in range(3))[1]


def load(
    server: ServerUnderTest, folder: str, scenario: str, clients: int, requests: int = 0
) -> dict[str, Any]:
    """The JSON of one scenario of multirequest.py."""
    command = [sys.executable, str(ROOT / "multirequest.py"), "--json", "--dir", folder]
    command += ["--url", f"http://127.0.0.1:{server.port}", "--scenario", scenario]
    command += ["--clients", str(clients), "--requests", str(requests or clients)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    summary: dict[str, Any] = found[0]
    return summary


def different_max(summary: dict[str, Any]) -> float:
    """The slowest answer in milliseconds."""
    slowest: float = summary["latency_ms"]["max"]
    return slowest


def padded_jpeg(path: Path) -> bytes:
    """The page as a JPEG of at least UPLOAD_BYTES, with comments after its first marker."""
    encoded = io.BytesIO()
    Image.open(path).convert("RGB").save(encoded, "JPEG", quality=90)
    data = encoded.getvalue()
    while len(data) < UPLOAD_BYTES:
        length = min(UPLOAD_BYTES - len(data), 60_000)
        data = data[:2] + b"\xff\xfe" + (length + 2).to_bytes(2, "big") + bytes(length) + data[2:]
    return data


def settings(workers: int, cache: bool) -> dict[str, Any]:
    """Settings for a run, with or without a cache."""
    process = {"number": workers, "max_task_number": 0}
    return {"ocr": {"process": process}, "service": {"time": 6000 if cache else 0}}


def _print(name: str, summary: dict[str, Any], verdict: str) -> None:
    shown = ", ".join(
        f"{key} {summary['latency_ms'][key]:.0f}" for key in ("mean", "p50", "p99", "max")
    )
    print(
        f"{name}: {summary['ok']} ok, {summary['failures']} failed, "
        f"{summary['wall_seconds']:.2f} s, {shown} ms; {verdict}"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
