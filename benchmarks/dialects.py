"""Drives the dialects with clients that nobody here wrote, each in a venv of its own.

    python benchmarks/dialects.py [--only openai mistralai ...]

Starts three servers: one with models, one with fakes that requires keys, and one with fakes whose
queue is full. Every client reads an image, a broken one and a PDF, with the right key and a wrong
one, and meets the full queue. Prints a table with what its user gets, and a line PASSED or FAILED;
the exit status is 1 unless all clients read what the native route reads, from one recognition, and
show an error otherwise. A client that cannot be installed or does not end in time has failed, and
so have all that are left when the time is over.

The first run installs 1 GB into .benchmarks/venvs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from peer_servers.environment import Environment  # noqa: E402

from tests.support.cards import card  # noqa: E402
from tests.support.server_process import ServerProcess  # noqa: E402
from tests.support.watching import wait_until  # noqa: E402

CLIENTS = ROOT / "benchmarks" / "dialect_clients"
IMAGE = ROOT / "imgs" / "sign.jpg"
KEY = "operator-key-of-make-dialects"
WRONG_KEY = "ocr_00000000_wrong"
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"
LIMIT_SECONDS = 300  # for one client, without its installation; on a busy machine
TOTAL_MINUTES = 10.0  # a first run, on two cores, takes three to six
MESSAGE_CHARACTERS = 70


@dataclass(frozen=True)
class Client:
    """A client: its distribution, its lock and script, and the dialect that it speaks.

    overlays: more locks, installed without dependencies. is_job: the work waits while the queue is
    full, or the client does. sends_key: it can be given a key. placeholder: the key where none is
    needed. own: how many recognitions it needs besides the one that all clients share: it sends
    pixels instead of the file, or wants a PDF with the places of words. label: in the table.
    """

    distribution: str
    lock: str
    script: str
    dialect: str
    is_markdown: bool = False
    is_job: bool = False
    sends_key: bool = True
    placeholder: str = "placeholder"
    own: int = 0
    overlays: tuple[str, ...] = ()
    label: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.label}".rstrip()

    @property
    def environment(self) -> Environment:
        """Its venv."""
        overlays = [CLIENTS / name for name in self.overlays]
        return Environment(f"client-{self.lock}", CLIENTS / f"{self.lock}.txt", *overlays)


_PADDLE = ("../peer_servers/paddlex-cv2.txt",)
ALL = (
    Client("paddleocr-mcp", "paddleocr", "paddleocr_mcp", "paddlex", sends_key=False,
           overlays=_PADDLE),
    Client("paddleocr-cli", "paddleocr_cli", "paddleocr_cli", "paddlex", is_markdown=True),
    Client("paddleocr", "paddleocr", "paddleocr", "paddleocr-jobs", is_job=True, overlays=_PADDLE),
    Client("langchain-paddleocr", "paddleocr", "langchain", "paddleocr-jobs", is_markdown=True,
           is_job=True, overlays=_PADDLE),
    Client("openai", "openai", "openai", "openai"),
    Client("mistralai", "mistralai", "mistralai", "mistral", is_markdown=True),
    Client("azure-cognitiveservices-vision-computervision", "azure_read", "azure_read",
           "azure-read", is_job=True),
    Client("azure-ai-vision-imageanalysis", "azure_vision", "azure_vision", "azure-vision"),
    Client("azure-ai-documentintelligence", "azure_documents", "azure_documents",
           "azure-documents", is_job=True, own=1),
    Client("baidu-aip", "baidu", "baidu", "baidu"),
    Client("ocrspace", "ocrspace", "ocrspace", "ocrspace", overlays=("ocrspace-sdist.txt",)),
    Client("tritonclient", "tritonclient", "tritonclient", "kserve"),
    Client("docling-slim", "docling", "docling", "kserve", own=1),
    Client("mcp", "mcp", "mcp", "/mcp", placeholder="", label="(HTTP)"),
    Client("mcp", "mcp", "mcp_stdio", "ocr-server mcp", is_job=True, sends_key=False,
           label="(stdio)"),
)  # fmt: skip


@dataclass(frozen=True)
class Servers:
    """The servers, and what the native route of the first one reads. cards: read by the others."""

    models: ServerProcess
    locked: ServerProcess
    crowded: ServerProcess
    folder: Path
    text: str
    markdown: str


@dataclass(frozen=True)
class Result:
    """What came of one client: for each case a text or an error, and what is wrong."""

    client: Client
    version: str
    outcomes: dict[str, dict[str, str]]
    problems: tuple[str, ...]

    @property
    def row(self) -> str:
        """The row of the table."""
        name = f"`{self.client.distribution}` {self.client.label}".rstrip()
        cells = [f"{name} {self.version}", f"`{self.client.dialect}`"]
        cells += [_cell(self.outcomes.get(name)) for name in CASES]
        return f"| {' | '.join(cells)} |"


_DIALECTS: dict[str, Any] = {"web_server": {"dialects": ["all"]}, "mcp": {"enabled": True}}
CASES = ("image", "key", "broken", "PDF", "wrong key", "full queue")


def main() -> int:
    """Run the clients; returns the exit status."""
    arguments = _parse()
    ends_at = time.monotonic() + arguments.minutes * 60
    clients = [each for each in ALL if not arguments.only or each.distribution in arguments.only]
    with _servers() as servers, _installing(clients, ends_at) as installed:
        results = [
            _tried(client, servers, ends_at, done)
            for client, done in zip(clients, installed, strict=True)
        ]
        recognized = int(servers.models.metric("ocr_stage_seconds_count", stage="rec"))
    print(f"\n| client | dialect | {' | '.join(CASES)} |")
    print("| --- " * (len(CASES) + 2) + "|")
    print("\n".join(result.row for result in results))
    problems = [f"{r.client}: {each}" for r in results for each in r.problems]
    expected = 1 + sum(r.client.own for r in results if r.outcomes)
    if recognized != expected:
        problems.append(f"{recognized} recognitions, instead of {expected}")
    print("\n".join(["", *problems]))
    if problems:
        print(f"dialects: FAILED, {len(problems)} problems with {len(clients)} clients")
        return 1
    print(f"dialects: PASSED, {len(clients)} clients read the same, from one recognition")
    return 0


@contextlib.contextmanager
def _servers() -> Iterator[Servers]:
    """The three servers; the queue of the last one stays full."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dialects-")))

        def start(name: str, **more: Any) -> ServerProcess:
            settings = {**_DIALECTS, **more.pop("settings", {})}
            (folder / name).mkdir()
            return stack.enter_context(ServerProcess(folder / name, settings, **more))

        models = start("models", settings={"ocr": {"process": {"number": 1}}})
        locked = start("locked", settings=_of_fakes(required=True), fakes=True)
        crowded = start("crowded", settings=_of_fakes(queue_size=1), fakes=True)
        gate = folder / "gate"
        gate.touch()
        stack.callback(gate.unlink)
        running, waiting = (card(f"hold {gate} {number}") for number in range(2))
        stack.callback(crowded.send(running).close)
        wait_until(lambda: crowded.begun(f"hold {gate} 0"), "a busy worker")
        stack.callback(crowded.send(waiting).close)
        wait_until(lambda: int(crowded.health()["queue"]["waiting"]) == 1, "a full queue")
        (folder / "broken.jpg").write_bytes(IMAGE.read_bytes()[:20_000])
        (folder / "page.pdf").write_bytes(PDF)
        (folder / "card.png").write_bytes(card("a card"))
        image = IMAGE.read_bytes()
        text = models.upload(image, path="/ocr").text
        markdown = models.upload(image, path="/ocr", format="markdown").body.decode().strip()
        yield Servers(models, locked, crowded, folder, text, markdown)


def _of_fakes(required: bool = False, **process: int) -> dict[str, Any]:
    patient = {"number": 1, "timeout_seconds": 3600, "queue_timeout_seconds": 3600, **process}
    access = {"required": required, "admin_key": KEY}
    return {"ocr": {"process": patient}, "access": access}


@contextlib.contextmanager
def _installing(clients: Sequence[Client], ends_at: float) -> Iterator[list[Future[None]]]:
    """Install the clients one after the other, while those that are installed run."""

    def install(client: Client) -> None:
        client.environment.install(max(0.0, ends_at - time.monotonic()))

    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            yield [thread.submit(install, client) for client in clients]
        finally:
            thread.shutdown(cancel_futures=True)


def _tried(client: Client, servers: Servers, ends_at: float, installed: Future[None]) -> Result:
    """What comes of a client; also if it cannot be installed, or run until then."""
    left = ends_at - time.monotonic()
    if left <= 0:
        return Result(client, "", {}, ("not run: the time is over (--minutes)",))
    try:
        print(f"{client} ...", flush=True)
        began = time.monotonic()
        installed.result(left)
        result = _driven(client, servers, min(LIMIT_SECONDS, ends_at - time.monotonic()))
        print(f"{client}: {time.monotonic() - began:.0f} s", flush=True)
        return result
    except (subprocess.SubprocessError, TimeoutError, ValueError) as error:
        return Result(client, "", {}, (f"{type(error).__name__}: {str(error)[-500:]}",))


def _driven(client: Client, servers: Servers, seconds: float) -> Result:
    """Run a client's script in its venv; SubprocessError or ValueError if it ends otherwise."""
    folder = servers.folder
    placeholder = client.placeholder
    cases = {
        "image": (servers.models, placeholder, IMAGE),
        "broken": (servers.models, placeholder, folder / "broken.jpg"),
        "PDF": (servers.models, placeholder, folder / "page.pdf"),
    }
    if client.sends_key:
        cases["key"] = (servers.locked, KEY, folder / "card.png")
        cases["wrong key"] = (servers.locked, WRONG_KEY, folder / "card.png")
    if not client.is_job:
        cases["full queue"] = (servers.crowded, placeholder, folder / "card.png")
    given = [
        {"url": f"http://127.0.0.1:{server.port}", "key": key, "file": str(file)}
        for server, key, file in cases.values()
    ]
    environment = client.environment
    script = CLIENTS / f"read_{client.script}.py"
    done = subprocess.run(
        [environment.program("python"), str(script), json.dumps(given)],
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    version = environment.versions(client.distribution)[client.distribution]
    if done.returncode:
        return Result(client, version, {}, (done.stderr.strip()[-500:],))
    *_, last = done.stdout.strip().splitlines()
    outcomes = dict(zip(cases, json.loads(last), strict=True))
    return Result(client, version, outcomes, tuple(_problems(client, servers, outcomes)))


def _problems(
    client: Client, servers: Servers, outcomes: dict[str, dict[str, str]]
) -> Iterator[str]:
    expected = {"image": servers.markdown if client.is_markdown else servers.text, "key": "a card"}
    for name, outcome in outcomes.items():
        if name in expected:
            if outcome.get("text", "").strip() != expected[name]:
                yield f"{name}: {outcome}, instead of {expected[name]!r}"
        elif not outcome.get("error"):
            yield f"{name}: no error, but {outcome}"


def _cell(outcome: dict[str, str] | None) -> str:
    """What a client's user gets, in a few words."""
    if outcome is None:
        return "–"
    if "text" in outcome:
        return "read"
    message = " ".join(outcome["error"].replace("|", "/").split())
    short = message[:MESSAGE_CHARACTERS]
    return short if short == message else f"{short.rstrip()}…"


def _parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=sorted({each.distribution for each in ALL}))
    parser.add_argument("--minutes", type=float, default=TOTAL_MINUTES, help="for all clients")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
