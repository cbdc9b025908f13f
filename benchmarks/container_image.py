"""Builds the container image from nothing, runs it as its files say, and measures it; needs root.

    python benchmarks/container_image.py [--driver overlay] [--keep FOLDER]

debootstrap makes the base, buildah builds the Dockerfiles, and runc runs the image: as uid 10001,
with a read-only root and without capabilities, on this machine's network. pip's index is the one of
this machine. Exit status 1 if a check failed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from process_costs import cpu_seconds
from server_under_test import ANSWER_SECONDS, ROOT, Verdict

from server.version import VERSION
from tests.support.containers import Container, Images
from tests.support.debian_base import NAME as BASE
from tests.support.debian_base import make_base
from tests.support.http_client import KeptConnection, Reply
from tests.support.program import free_port
from tests.support.watching import wait_until, worker_processes

IMAGE = "ocr-server"
USER = 10001
TEXT = ["海风书店", "SEA BREEZE BOOKS", "每天十点到二十点"]  # on imgs/sign.jpg
READY_SECONDS = 3.0  # with kept models
START_SECONDS = 300.0
REQUESTS = 3  # when SIGTERM comes: one is read, and the others wait
VARIABLES = {  # one worker, and time enough on a machine with other work
    "OCR_OCR__PROCESS__NUMBER": "1",
    "OCR_OCR__PROCESS__SPARES": "0",
    "OCR_OCR__PROCESS__TIMEOUT_SECONDS": "300",
    "OCR_OCR__PROCESS__QUEUE_TIMEOUT_SECONDS": "1000",
    "OCR_WEB_SERVER__GRACE_SECONDS": "300",
}
# What makes up the image: the first pattern that a path below its root matches.
PARTS = {
    "OpenVINO": ("site-packages/openvino",),
    "OpenCV": ("site-packages/cv2", "site-packages/opencv"),
    "models": ("site-packages/rapidocr",),
    "NumPy": ("site-packages/numpy",),
    "this server": tuple(
        f"site-packages/{name}"
        for name in ("cache", "concurrent_ocr", "load_test", "ocr_", "server")
    ),
    "other Python packages": ("opt/ocr/",),
    "Python": ("python3",),
    "rest of Debian": ("",),
}


def main() -> int:
    """Build, run and judge."""
    arguments = _parse()
    verdict = Verdict()
    with _folder(arguments.keep) as folder:
        images = Images(folder, arguments.driver)
        try:
            _build(images, folder, verdict)
            config = images.config(IMAGE)
            _judge_configuration(config, verdict)
            with images.mounted(IMAGE) as root:
                _judge_size(images, root, verdict)
                _judge_runs(folder, root, config, verdict)
        finally:
            images.unmount()
    used = os.times()
    seconds = used.children_user + used.children_system
    verdict.row("CPU seconds", f"{seconds:.0f} of all commands")
    return verdict.print()


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="ocr-image-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _build(images: Images, folder: Path, verdict: Verdict) -> None:
    """Make what is missing of base and image, and the list of what is in the image."""
    start = time.monotonic()
    if BASE not in images.buildah("images"):
        make_base(images)
    based = time.monotonic()
    secrets = _secrets(folder)
    version = ["--build-arg", f"VERSION={VERSION}"]
    images.build(ROOT / "Dockerfile", ROOT, "--layers", "--tag", IMAGE, *version, *secrets)
    built = time.monotonic()
    output = ["--output", f"type=local,dest={folder / 'sbom'}"]
    lister = ROOT / "deploy" / "container" / "sbom.Dockerfile"
    images.build(lister, ROOT, *version, *secrets, *output)
    listed = time.monotonic()
    verdict.row(
        "seconds",
        f"{based - start:.0f} for the base, {built - based:.0f} for the image, "
        f"{listed - built:.0f} for its list",
    )
    bom = json.loads((folder / "sbom" / "sbom.cdx.json").read_text(encoding="utf-8"))
    kinds = Counter(part.get("purl", "of files").partition("/")[0] for part in bom["components"])
    verdict.row("list of packages", str(dict(kinds)), min(kinds["pkg:pypi"], kinds["pkg:deb"]) > 20)


def _secrets(folder: Path) -> list[str]:
    """The options that give the index of this machine's pip to the build, and its certificate."""
    options = []
    lines = ["[global]"]
    shown = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if shown.returncode == 0:
        lines.append(f"index-url = {shown.stdout.strip()}")
    certificate = os.environ.get("PIP_CERT")
    if certificate:
        lines.append("cert = /run/secrets/ca.crt")
        options += ["--secret", f"id=ca.crt,src={certificate}"]
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join(lines) + "\n")
    return [*options, "--secret", f"id=pip.conf,src={configuration}"]


def _judge_configuration(config: dict[str, Any], verdict: Verdict) -> None:
    """What the image says of itself."""
    expected = {
        "User": f"{USER}:{USER}",
        "Entrypoint": ["ocr-server"],
        "Cmd": ["serve"],
        "StopSignal": "SIGTERM",
    }
    right = all(config.get(name) == value for name, value in expected.items())
    right &= config["Healthcheck"]["Test"] == ["CMD", "ocr-server", "check-ready"]
    right &= config["Labels"]["org.opencontainers.image.version"] == VERSION
    verdict.row("configuration", str({name: config.get(name) for name in expected}), right)
    verdict.row("variables", " ".join(sorted(config["Env"])))


def _judge_size(images: Images, root: Path, verdict: Verdict) -> None:
    """What makes up the image, in MB on disk, and what a registry would send."""
    sizes: Counter[str] = Counter()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                sizes[_part(str(path.relative_to(root)))] += path.stat().st_size
    for part in PARTS:
        verdict.row(f"  {part}", f"{sizes[part] / 1e6:.0f} MB")
    layers = images.compressed_layers(IMAGE)
    shown = ", ".join(f"{size / 1e6:.1f}" for size in layers)
    verdict.row(
        "size", f"{sizes.total() / 1e6:.0f} MB; compressed {sum(layers) / 1e6:.0f} MB: {shown}"
    )


def _part(path: str) -> str:
    return next(part for part, patterns in PARTS.items() if any(each in path for each in patterns))


def _judge_runs(folder: Path, root: Path, config: dict[str, Any], verdict: Verdict) -> None:
    """Run the image twice with the same volumes; the second start has the compiled models."""
    volumes = {"/state": folder / "state", "/cache": folder / "cache"}
    for volume in volumes.values():
        volume.mkdir(mode=0o700, exist_ok=True)
        os.chown(volume, USER, USER)
    load = os.getloadavg()[0]
    first = _run(folder / "first", root, config, volumes, verdict)
    second = _run(folder / "second", root, config, volumes, verdict)
    verdict.row("load of the machine", f"{load:.1f} before the first start")
    for name, (seconds, used), limit in (
        ("first start", first, math.inf),
        ("start with kept models", second, READY_SECONDS),
    ):
        verdict.row(name, f"ready after {seconds:.2f} s, {used:.2f} s of CPU", seconds <= limit)


def _run(
    folder: Path,
    root: Path,
    config: dict[str, Any],
    volumes: dict[str, Path],
    verdict: Verdict,
) -> tuple[float, float]:
    """Run the image once and check it; returns the seconds until it was ready, and those of CPU."""
    folder.mkdir(exist_ok=True)
    container = Container(folder, root, config, volumes, VARIABLES)
    start = time.monotonic()
    try:
        container.start(free_port())
        container.wait_until_ready("/readyz", START_SECONDS)
        seconds = time.monotonic() - start
        pid = container.first_pid()
        used = cpu_seconds([pid, *worker_processes(pid)])
        _judge_process(container, verdict)
        _judge_answers(container, volumes["/state"], verdict)
        _judge_drain(container, verdict)
    finally:
        container.remove()
        (folder / "log").write_text(container.output)
    return seconds, used


def _judge_process(container: Container, verdict: Verdict) -> None:
    """Who the server is, and what it may not do."""
    status = Path(f"/proc/{container.first_pid()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    ids = {int(each) for name in ("Uid", "Gid") for each in fields[name].split()}
    right = ids == {USER} and fields["NoNewPrivs"] == "1" and int(fields["CapEff"], 16) == 0
    verdict.row("user and capabilities", f"{ids}, {fields['CapEff']}", right)
    refused = [
        place
        for place in ("/", "/opt/ocr", "/etc", "/usr/bin")
        if "Read-only" in container.execute("touch", f"{place}/x").stderr
    ]
    written = [
        place
        for place in ("/state", "/cache", "/tmp")
        if container.execute("touch", f"{place}/x").returncode == 0
    ]
    right = len(refused) == 4 and len(written) == 3
    verdict.row("read-only, writable", f"{' '.join(refused)}, {' '.join(written)}", right)
    healthy = container.check_health()
    verdict.row("health check", healthy.stdout.strip() or healthy.stderr, healthy.returncode == 0)


def _judge_answers(container: Container, state: Path, verdict: Verdict) -> None:
    """An image is read, a job is stored in the folder of the state, and another command runs."""
    sign = (ROOT / "imgs" / "sign.jpg").read_bytes()
    reply = container.upload(sign)
    verdict.row("text", str(reply.text.splitlines()), reply.text.splitlines() == TEXT)
    job = container.upload(sign, block_flag="false")
    done = container.get(f"{job.headers['Location']}?wait=20")
    verdict.row("job", f"{job.status}, {done.json['job']['state']}", "BOOKS" in done.body.decode())
    found = sorted(path.name for path in state.iterdir() if path.stat().st_uid == USER)
    verdict.row("state", " ".join(found), "ocr.sqlite3" in found)
    key = container.execute("ocr-server", "keys", "add", "somebody")
    verdict.row("a key is made", "yes" if key.returncode == 0 else key.stderr, not key.returncode)


def _judge_drain(container: Container, verdict: Verdict) -> None:
    """SIGTERM while images are read and wait: all are answered, then the server ends."""
    image = (ROOT / "tests" / "data" / "pages" / "document_en_ferry.jpg").read_bytes()
    replies: list[Reply] = []

    def send(number: int) -> None:
        body = image + bytes([number])  # other bytes: no cached result
        with KeptConnection(container.port, ANSWER_SECONDS) as connection:
            replies.append(connection.request("POST", "/ocr", body, {"Content-Type": "image/jpeg"}))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(REQUESTS)]
    for sender in senders:
        sender.start()
    wait_until(
        lambda: container.health()["queue"]["waiting"] == REQUESTS - 1, "images in the queue"
    )
    container.terminate()
    for sender in senders:
        sender.join()
    answers = sorted(reply.status for reply in replies)
    status = container.wait(ANSWER_SECONDS)
    verdict.row("drained", f"{answers}, exit {status}", answers == [200] * REQUESTS and status == 0)


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--driver", choices=("overlay", "vfs"), default="overlay", help="of buildah's storage"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the images, which are used again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
