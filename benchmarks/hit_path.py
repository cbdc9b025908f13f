"""Cached answers compared with a bare Tornado handler with the same body and the same answer.

    python benchmarks/hit_path.py [--rounds 3] [--seconds 4] [--clients 1 8 50] [--images 16]
    python benchmarks/hit_path.py --key [--keys 100000]
    python benchmarks/hit_path.py --dialect

Both servers and the load have a process each. A round runs every number of clients in a closed
loop, first with the bare handler, then with the server (A B A B …); the median of the rounds
counts. --key compares requests with a key with requests without one, to one server that has --keys
keys in its database. --dialect compares PaddleX's API with the native one, both with base64. All
images are in the cache before the first round. Nothing else may run on the machine. Writes
results/hit_path.json, hit_path_key.json or hit_path_dialect.json; exit status 1 if a target is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tornado.web
from machine import write_results
from many_keys import database_with_keys
from peer_servers.our_paddlex import DIALECT
from peer_servers.paddlex_serving import PaddleXServing
from process_costs import cpu_seconds
from scenarios import PAGES, padded_jpeg, settings
from server_under_test import Verdict, serving
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from uploads import varied

from tests.support.arrivals import Client, Request
from tests.support.http_client import image_part, multipart
from tests.support.program import stop_with_parent

PAGE = "receipt_en_cafe.png"
CLOSED_LOOP = Path(__file__).with_name("closed_loop.py")
SHARE_OF_BARE = 0.8
P50_OF_BARE = 1.25
SHARE_WITH_KEY = 0.9  # of the answers without a key
KEY_P50_MS = 0.05  # that a key may add
SHARE_OF_NATIVE = 0.8  # of the answers of the native API
FIGURES = ("per_second", "p50_ms", "p99_ms", "cpu_ms")

Figures = dict[str, float]


def main() -> int:
    """Print a line per run, then the medians; returns the exit status."""
    arguments = _parse()
    if arguments.bare:
        asyncio.run(serve_bare(arguments.bare.read_bytes()))
        return 0
    if arguments.key:
        return with_key(arguments)
    if arguments.dialect:
        return with_dialect(arguments)
    page = padded_jpeg(PAGES / PAGE)
    requests = [upload(varied(page, number)) for number in range(arguments.images)]
    with (
        tempfile.TemporaryDirectory(prefix="hit-path-") as folder,
        serving(settings(arguments.workers, cache=True)) as server,
    ):
        answer = asyncio.run(read_all(server.port, requests))
        for number, request in enumerate(requests):
            (Path(folder) / f"{number:03}.request").write_bytes(request.encode())
        answer_file = Path(folder) / "answer"
        answer_file.write_bytes(answer)
        with bare_server(answer_file) as (bare_pid, bare_port):
            targets = {
                "bare": (bare_pid, bare_port, Path(folder)),
                "server": (server.pid, server.port, Path(folder)),
            }
            before = server.health()["cache"]
            runs = measure(targets, arguments)
            after = server.health()["cache"]
    asked = sum(run["sent"] for run in runs if run["server"] == "server")
    hits = after["hit"] - before["hit"]
    if hits != asked:
        raise RuntimeError(f"{asked} requests, but {hits} hits: these are not cached answers")
    return report(runs, len(answer), len(page), arguments)


def with_key(arguments: argparse.Namespace) -> int:
    """Requests with a key compared with requests without one; returns the exit status."""
    page = padded_jpeg(PAGES / PAGE)
    images = [varied(page, number) for number in range(arguments.images)]
    with tempfile.TemporaryDirectory(prefix="hit-path-") as folder:
        url, key = database_with_keys(Path(folder), arguments.keys)
        loads = {
            "no key": [upload(image) for image in images],
            "key": [upload(image, {"Authorization": f"Bearer {key}"}) for image in images],
        }
        runs, answer = compare(loads, {"database": {"url": url}}, Path(folder), arguments)
    return report_key(runs, len(answer), len(page), arguments)


def with_dialect(arguments: argparse.Namespace) -> int:
    """PaddleX's API compared with the native one; returns the exit status."""
    page = padded_jpeg(PAGES / PAGE)
    images = [varied(page, number) for number in range(arguments.images)]
    loads = {
        "native": [upload_base64(image) for image in images],
        "paddlex": [PaddleXServing().request("hit", image) for image in images],
    }
    with tempfile.TemporaryDirectory(prefix="hit-path-") as folder:
        runs, _ = compare(loads, {"web_server": DIALECT}, Path(folder), arguments)
    return report_dialect(runs, len(page), arguments)


def compare(
    loads: dict[str, list[Request]],
    more: dict[str, Any],
    folder: Path,
    arguments: argparse.Namespace,
) -> tuple[list[dict[str, Any]], bytes]:
    """Measure loads with one server; more: its other settings. Also returns an answer."""
    with serving({**settings(arguments.workers, cache=True), **more}) as server:
        targets = {}
        for name, requests in loads.items():
            answer = asyncio.run(read_all(server.port, requests))
            (target := folder / name).mkdir()
            targets[name] = (server.pid, server.port, target)
            for number, request in enumerate(requests):
                (target / f"{number:03}.request").write_bytes(request.encode())
        before = server.health()["cache"]["hit"]
        runs = measure(targets, arguments)
        hits = server.health()["cache"]["hit"] - before
    if hits != sum(run["sent"] for run in runs):
        raise RuntimeError(f"{hits} hits: these are not cached answers")
    return runs, answer


def upload_base64(image: bytes) -> Request:
    """An image in base64 in a JSON body, in the native API."""
    body = json.dumps({"image": base64.b64encode(image).decode()}).encode()
    return Request("hit", body, headers={"Content-Type": "application/json"})


def upload(image: bytes, more: dict[str, str] | None = None) -> Request:
    """An upload in the legacy API; more: headers."""
    body, headers = multipart([image_part(image)])
    return Request("hit", body, path="/ocr_service", headers={**headers, **(more or {})})


async def read_all(port: int, requests: list[Request]) -> bytes:
    """Have every image recognized, then request it twice more; returns the last answer."""
    client = Client(port)
    try:
        for request in (*requests, *requests, *requests):
            answer = await client.ask(request)
            if answer.status != 200:
                raise RuntimeError(f"{answer.outcome}: {answer.body[:300]!r}")
    finally:
        client.close()
    return answer.body


class BareHandler(tornado.web.RequestHandler):
    """A plain Tornado handler: parses the body and returns a fixed answer."""

    def initialize(self, answer: bytes) -> None:
        """Called by Tornado with the arguments of the route."""
        self.answer = answer

    def post(self) -> None:
        """Access the image and answer."""
        if not self.request.files["file"][0].body:
            raise tornado.web.HTTPError(400)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(self.answer)


async def serve_bare(answer: bytes) -> None:
    """Serve until killed; the port goes to standard output."""
    application = tornado.web.Application([("/ocr_service", BareHandler, {"answer": answer})])
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def bare_server(answer: Path) -> Iterator[tuple[int, int]]:
    """Run the bare handler in a separate process; gives its pid and port."""
    command = [sys.executable, __file__, "--bare", str(answer)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=stop_with_parent
    )
    try:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def measure(
    targets: dict[str, tuple[int, int, Path]], arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Run all rounds; each result has its server, number of clients, and figures.

    targets: the pid, the port, and the folder with the requests.
    """
    runs = []
    for number in range(arguments.rounds):
        for clients in arguments.clients:
            for name, (pid, port, folder) in targets.items():
                run = one_run(pid, port, folder, clients, arguments.seconds)
                runs.append({"server": name, "round": number, "clients": clients, **run})
                print(
                    f"round {number + 1}, {clients:2} clients, {name:6}: "
                    f"{run['per_second']:6.0f}/s, p50 {run['p50_ms']:.3f} ms, "
                    f"p99 {run['p99_ms']:.3f} ms, {run['cpu_ms']:.3f} CPU ms/request "
                    f"(load {run['load_cpu_ms']:.3f})",
                    flush=True,
                )
    return runs


def one_run(pid: int, port: int, folder: Path, clients: int, seconds: float) -> dict[str, Any]:
    """Run one load, and measure the CPU time of the server's front end."""
    before = cpu_seconds([pid])
    done = subprocess.run(
        [sys.executable, str(CLOSED_LOOP), str(port), str(folder), str(clients), str(seconds)],
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    run: dict[str, Any] = json.loads(done.stdout)
    run["cpu_ms"] = (cpu_seconds([pid]) - before) / run["sent"] * 1000
    return run


def report(
    runs: list[dict[str, Any]], answer_bytes: int, image_bytes: int, arguments: argparse.Namespace
) -> int:
    """Print the medians and their ratios, and write the JSON; returns the exit status."""
    verdict = Verdict()
    medians: list[dict[str, Any]] = []
    for clients in arguments.clients:
        bare = median_figures(runs, "bare", clients)
        server = median_figures(runs, "server", clients)
        share = {name: median_ratio(runs, clients, name) for name in FIGURES}
        medians.append({"clients": clients, "bare": bare, "server": server, "ratio": share})
        good = share["per_second"] >= SHARE_OF_BARE
        verdict.row(f"answers/s, {clients} clients", _row(bare, server, share, "per_second"), good)
        good = clients != 1 or share["p50_ms"] <= P50_OF_BARE
        verdict.row(f"p50 ms, {clients} clients", _row(bare, server, share, "p50_ms"), good)
        verdict.row(f"p99 ms, {clients} clients", _row(bare, server, share, "p99_ms"))
        verdict.row(f"CPU ms, {clients} clients", _row(bare, server, share, "cpu_ms"))
    sizes = {"image_bytes": image_bytes, "answer_bytes": answer_bytes}
    write("hit_path", sizes, medians, arguments)
    print(f"{image_bytes} bytes uploaded, {answer_bytes} bytes answered; server against bare:")
    return verdict.print()


def report_key(
    runs: list[dict[str, Any]], answer_bytes: int, image_bytes: int, arguments: argparse.Namespace
) -> int:
    """As report(), of requests with a key against requests without one."""
    verdict = Verdict()
    medians = compared(runs, ("no key", "key"), SHARE_WITH_KEY, KEY_P50_MS, verdict, arguments)
    sizes = {"image_bytes": image_bytes, "answer_bytes": answer_bytes}
    write("hit_path_key", {"keys": arguments.keys, **sizes}, medians, arguments)
    print(f"{arguments.keys} keys in the database; requests with a key against those without:")
    return verdict.print()


def report_dialect(
    runs: list[dict[str, Any]], image_bytes: int, arguments: argparse.Namespace
) -> int:
    """As report(), of PaddleX's API against the native one."""
    verdict = Verdict()
    names = ("native", "paddlex")
    medians = compared(runs, names, SHARE_OF_NATIVE, None, verdict, arguments)
    write("hit_path_dialect", {"image_bytes": image_bytes}, medians, arguments)
    print("PaddleX's API against the native one, both with base64:")
    return verdict.print()


def compared(
    runs: list[dict[str, Any]],
    names: tuple[str, str],
    least_share: float,
    most_more_ms: float | None,
    verdict: Verdict,
    arguments: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Rows and medians of the second load against the first one, for each number of clients.

    most_more_ms: how much longer the p50 of one client may be; None: not checked.
    """
    first, second = names
    medians: list[dict[str, Any]] = []
    for clients in arguments.clients:
        one, other = (median_figures(runs, name, clients) for name in names)
        share = {name: median_ratio(runs, clients, name, second, first) for name in FIGURES}
        keys = [name.replace(" ", "_") for name in names]
        medians.append({"clients": clients, keys[0]: one, keys[1]: other, "ratio": share})
        good = share["per_second"] >= least_share
        verdict.row(f"answers/s, {clients} clients", _row(one, other, share, "per_second"), good)
        checked = most_more_ms is not None and clients == 1
        good = not checked or other["p50_ms"] - one["p50_ms"] <= (most_more_ms or 0.0)
        verdict.row(f"p50 ms, {clients} clients", _row(one, other, share, "p50_ms"), good)
        verdict.row(f"CPU ms, {clients} clients", _row(one, other, share, "cpu_ms"))
    return medians


def write(
    name: str, more: dict[str, Any], medians: list[dict[str, Any]], arguments: argparse.Namespace
) -> None:
    """Write the JSON of the results, if it is wanted; more: settings besides the usual ones."""
    if not arguments.no_results:
        given = {each: getattr(arguments, each) for each in ("rounds", "seconds", "images")}
        write_results(name, {"settings": {**given, **more}, "medians": medians})


def median_figures(runs: list[dict[str, Any]], server: str, clients: int) -> Figures:
    """The medians of one server's rounds with this number of clients."""
    chosen = [run for run in runs if run["server"] == server and run["clients"] == clients]
    return {name: round(statistics.median(run[name] for run in chosen), 4) for name in FIGURES}


def median_ratio(
    runs: list[dict[str, Any]],
    clients: int,
    figure: str,
    server: str = "server",
    other: str = "bare",
) -> float:
    """The median over the rounds of server / other."""
    values = {
        (run["server"], run["round"]): run[figure] for run in runs if run["clients"] == clients
    }
    rounds = {number for _, number in values}
    ratios = [values[server, number] / values[other, number] for number in rounds]
    return round(float(statistics.median(ratios)), 4)


def _row(bare: Figures, server: Figures, share: Figures, figure: str) -> str:
    return f"{server[figure]:8.3f} against {bare[figure]:8.3f}: {share[figure]:.3f} times"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 50])
    parser.add_argument("--images", type=int, default=16, help="different ones, sent in turn")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--key", action="store_true", help="with a key against without one")
    parser.add_argument("--keys", type=int, default=100_000, help="in the database, with --key")
    parser.add_argument("--dialect", action="store_true", help="PaddleX's API against the native")
    parser.add_argument("--no-results", action="store_true", help="write no JSON")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
