#!/usr/bin/env python3
"""Load test of the OCR server: many clients at once, with the pictures of one folder.

    python multirequest.py                              # 50 clients, imgs/, all three scenarios
    python multirequest.py --scenario same --clients 10 --mode base64 --json

different: each request has its own picture, not cached; same: all have one picture, not cached
before; cached: all have one picture that was posted beforehand. "Not cached" holds on every run: a
comment with a fresh nonce changes the MD5 of a picture and none of its pixels. WebP and --mode
filename cannot have that and say `Cache-Control: no-cache`. A client is a thread with a keep-alive
connection; bodies are built and connections open before the clock starts.
Exit status: 0 all answers are good, 1 something failed, 2 could not start.
"""

from __future__ import annotations

import base64
import json
import secrets
import signal
import sys
import textwrap
import time
import zlib
from argparse import ArgumentParser, Namespace
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Barrier
from urllib.parse import quote, urlencode, urlsplit

SIGNATURES = {
    b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif", b"BM": "bmp",
    b"II*\0": "tiff", b"MM\0*": "tiff", b"RIFF": "webp",
}  # fmt: skip
ROW = "{:9} {:>8} {:>5} {:>8} {:>15} {:>6} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6}"  # 100 columns
COLUMNS = "scenario,requests,ok,failures,hit/joined/miss,wall s,images/s,mean,p50,p95,p99,max"
Request = tuple[str, bytes, dict[str, str]]  # name of the picture, body, headers


class CannotStart(Exception):
    """The load test cannot begin; the message is the one line that the user reads."""


@dataclass(frozen=True)
class Scenario:
    name: str
    one_picture: bool  # all requests carry the same bytes
    cached: bool  # the bytes are posted once beforehand; otherwise the server has never seen them


SCENARIOS = (
    Scenario("different", one_picture=False, cached=False),
    Scenario("same", one_picture=True, cached=False),
    Scenario("cached", one_picture=True, cached=True),
)


@dataclass(frozen=True)
class Sample:
    """One answer as it came; judge() fills in the failure when the clock has stopped."""

    picture: str
    milliseconds: float = 0.0
    status: int = 0
    body: bytes = b""
    cache: str = ""
    retry_after: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Summary:
    """One row of the table; rate and latencies are those of the good answers."""

    scenario: str
    requests: int
    ok: int
    failures: int
    cache: dict[str, int]
    wall_seconds: float
    images_per_second: float
    latency_ms: dict[str, float | None]
    reasons: dict[str, int]


def picture_kind(data: bytes) -> str | None:
    """The subtype of image/*, told by the first bytes, as the server does it."""
    return next((kind for magic, kind in SIGNATURES.items() if data.startswith(magic)), None)


def find_pictures(folder: Path) -> list[Path]:
    try:
        files = sorted(path.resolve() for path in folder.iterdir() if path.is_file())
        pictures = [path for path in files if picture_kind(path.read_bytes())]
    except OSError as error:
        raise CannotStart(f"cannot read --dir {folder}: {error.strerror}") from error
    if not pictures:
        raise CannotStart(f"no JPEG, PNG, GIF, BMP, TIFF or WebP in {folder} ({len(files)} files)")
    return pictures


def check_server(args: Namespace) -> None:
    try:
        with closing(HTTPConnection(args.url.netloc, timeout=min(args.timeout, 5))) as connection:
            connection.connect()
    except (OSError, HTTPException) as error:
        reason = f"no server at {args.url.geturl()} ({error})"
        raise CannotStart(f"{reason}: start it with `make serve`, or set --url") from error


def vary(data: bytes, note: bytes) -> bytes | None:
    """The same pixels in other bytes, or None where decoders might mind the note."""
    kind, at = picture_kind(data), len(data)
    if kind == "jpeg":  # a COM segment: JFIF and Exif go before it, offsets of MPF count behind it
        at = 2
        while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        note = b"\xff\xfe" + (2 + len(note)).to_bytes(2, "big") + note
    elif kind == "png":  # a tEXt chunk behind IHDR, which always ends at byte 33
        at, chunk = 33, b"tEXtComment\0" + note
        note = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    elif kind == "gif":  # a comment extension behind the global colour table
        at = 13 + (6 << (data[10] & 7) if data[10] & 0x80 else 0)
        note = b"!\xfe" + bytes([len(note)]) + note + b"\0"
    elif kind not in ("bmp", "tiff"):  # these are read by offset, and none points behind the end
        return None
    return data[:at] + note + data[at:]


def build_request(path: Path, mode: str, nonce: str = "") -> Request:
    """The request for a picture; with a nonce one that the cache cannot answer."""
    data = path.read_bytes()
    varied = vary(data, nonce.encode()) if nonce and mode != "filename" else None
    headers = {"Cache-Control": "no-cache"} if nonce and varied is None else {}
    data = varied or data
    if mode == "base64":
        headers["Content-Type"] = "application/json"
        body = json.dumps({"file_type": mode, "image": base64.b64encode(data).decode()}).encode()
    elif mode == "filename":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode({"file_type": mode, "filename": str(path)}).encode()
    else:
        boundary = secrets.token_hex(16)
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="file'
        head = f'{part}_type"\r\n\r\n{mode}\r\n{part}"; filename="{quote(path.name)}"\r\n'
        head += f"Content-Type: image/{picture_kind(data)}\r\n\r\n"
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return path.name, body, headers


def post(connection: HTTPConnection, path: str, request: Request) -> Sample:
    """One exchange, from sending the request to the last byte of the answer."""
    picture, body, headers = request
    start = time.perf_counter()
    try:
        if connection.sock is None:
            connection.connect()  # http.client sets TCP_NODELAY here
        with suppress(BrokenPipeError, ConnectionResetError):  # an early 413 or 503 can be read
            connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, HTTPException) as error:
        connection.close()
        return Sample(picture, failure=f"no answer: {type(error).__name__}: {error}")
    milliseconds = (time.perf_counter() - start) * 1000
    cache, retry = answer.getheader("X-Cache", ""), answer.getheader("Retry-After", "")
    return Sample(picture, milliseconds, answer.status, content, cache.lower(), retry)


def run_clients(args: Namespace, clients: int, work: list[Request]) -> tuple[list[Sample], float]:
    """Deals the work out to the clients; the seconds count from the moment they are let go."""
    started: list[float] = []
    barrier = Barrier(clients, action=lambda: started.append(time.perf_counter()))

    def client(share: list[Request]) -> list[Sample]:
        with closing(HTTPConnection(args.url.netloc, timeout=args.timeout)) as connection:
            with suppress(OSError):  # post() tries again and keeps the reason
                connection.connect()
            barrier.wait()
            return [post(connection, f"{args.url.path}/ocr_service", each) for each in share]

    with ThreadPoolExecutor(clients) as pool:  # a thread for each: none ends before all have begun
        shares = list(pool.map(client, [work[i::clients] for i in range(clients)]))
        wall = time.perf_counter() - started[0]
    return [sample for share in shares for sample in share], wall


def judge(sample: Sample, texts: dict[str, str]) -> Sample:
    """Tells failures; the first good text of a picture is the one that all others must have."""
    if sample.failure:
        return sample
    reason = "not the answer that docs/api.md describes"
    with suppress(ValueError, KeyError, TypeError):
        answer = json.loads(sample.body)
        if sample.status != 200:
            reason = f"{answer['error']['code']}: {answer['error']['message']}"
        elif texts.setdefault(sample.picture, text := answer["data"]["text"]) == text:
            return sample
        else:
            reason = f"text differs: {sample.picture}"
    retry = f" (Retry-After: {sample.retry_after})" if sample.retry_after else ""
    return replace(sample, failure=f"{sample.status} {reason}{retry}")


def percentile(ordered: list[float], percent: float) -> float:
    """Linear interpolation between the closest ranks."""
    rank = (len(ordered) - 1) * percent / 100
    low, high = ordered[int(rank)], ordered[min(int(rank) + 1, len(ordered) - 1)]
    return low + (high - low) * (rank - int(rank))


def summarise(name: str, samples: list[Sample], wall: float) -> Summary:
    good = sorted(each.milliseconds for each in samples if not each.failure)
    reasons = Counter(each.failure for each in samples if each.failure)
    cache = {key: sum(each.cache == key for each in samples) for key in ("hit", "joined", "miss")}
    latency: dict[str, float | None] = dict.fromkeys(("mean", "p50", "p95", "p99", "max"))
    if good:
        latency |= {"mean": sum(good) / len(good), "max": good[-1]}
        latency |= {f"p{percent}": percentile(good, percent) for percent in (50, 95, 99)}
    count, ok = len(samples), len(good)
    return Summary(name, count, ok, count - ok, cache, wall, ok / wall, latency, dict(reasons))


def run(scenario: Scenario, args: Namespace, files: list[Path], texts: dict[str, str]) -> Summary:
    mode, nonce, count = args.mode, secrets.token_hex(8), args.requests
    if scenario.one_picture:
        work = [build_request(files[0], mode, "" if scenario.cached else nonce)] * count
    else:
        work = [build_request(files[i % len(files)], mode, f"{nonce}-{i}") for i in range(count)]
    before = run_clients(args, 1, work[:1])[0] if scenario.cached else []
    samples, wall = run_clients(args, min(args.clients, count), work)
    judged = [judge(each, texts) for each in samples + before]
    counted = judged[:count] + [each for each in judged[count:] if each.failure]
    return summarise(scenario.name, counted, wall)


def row(of: Summary) -> str:
    numbers = (of.wall_seconds, of.images_per_second, *of.latency_ms.values())
    cells = ["-" if n is None else f"{n:.{2 if n < 10 else int(n < 1000)}f}" for n in numbers]
    cache = "/".join(map(str, of.cache.values()))
    return ROW.format(of.scenario, of.requests, of.ok, of.failures, cache, *cells)


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description="Load test of the OCR server.")
    add, names = parser.add_argument, [each.name for each in SCENARIOS]
    add("--url", type=urlsplit, default="http://127.0.0.1:8888", help="default: %(default)s")
    add("--dir", type=Path, default="imgs", help="folder of pictures, default: %(default)s")
    add("--clients", type=int, default=50, help="at once, default: %(default)s")
    add("--requests", type=int, help="of each scenario, default: as many as clients")
    add("--scenario", choices=[*names, "all"], default="all", help="default: %(default)s")
    add("--mode", choices=("file", "filename", "base64"), default="file", help="default: file")
    add("--timeout", type=int, default=120, help="seconds, default: %(default)s")
    add("--json", action="store_true", help="JSON to stdout, the table to stderr")
    args = parser.parse_args(argv)
    args.url = args.url._replace(path=args.url.path.rstrip("/"))
    args.requests = args.clients if args.requests is None else args.requests
    if args.url.scheme != "http" or not args.url.netloc:
        parser.error("--url must look like http://127.0.0.1:8888")
    if min(args.clients, args.requests, args.timeout) < 1:
        parser.error("--clients, --requests and --timeout must be 1 or more")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    show = partial(print, file=sys.stderr if args.json else sys.stdout, flush=True)
    try:
        files = find_pictures(args.dir)
        check_server(args)
    except CannotStart as error:
        print(f"multirequest: {error}", file=sys.stderr)
        return 2
    show(f"url       {args.url.geturl()}/ocr_service\npictures  {len(files)} in {args.dir}")
    show(f"clients   {args.clients}, {args.requests} requests per scenario, mode {args.mode}\n")
    show(ROW.format(*COLUMNS.split(",")))
    texts: dict[str, str] = {}
    summaries = []
    for scenario in (each for each in SCENARIOS if args.scenario in (each.name, "all")):
        summaries.append(run(scenario, args, files, texts))
        show(row(summaries[-1]))
    reasons = sum((Counter(each.reasons) for each in summaries), Counter[str]())
    show("\nmean to max: milliseconds from request to answer, good answers only")
    for reason, count in reasons.most_common():
        show(textwrap.fill(f"{count:8} x {reason}", 100, subsequent_indent=" " * 11))
    if args.json:
        print(json.dumps([asdict(each) for each in summaries], indent=2))
    return 1 if reasons else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once, waiting threads too
    sys.exit(main())
