"""Checks that nothing grows over 10,000 mixed requests, with real models and small images.

    python benchmarks/soak.py [--requests 10000] [--warm-up 5000] [--clients 8] [--workers 2]
                              [--seed 1]

The requests are hits, misses, coalesced requests, invalid requests of all kinds, base64, filename,
jobs that are polled and cancelled, and clients that disconnect, in random order. Every answer is
checked. Exit status 1 if a check failed.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import itertools
import json
import random
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image
from server_under_test import ROOT, ServerUnderTest, Verdict, serving
from uploads import PAGES, Page, light_pages, upload, varied

from tests.support.arrivals import Answer, Client, Request, listed
from tests.support.invariant import Invariant
from tests.support.watching import rss_mb, worker_processes

sys.path[:0] = [str(ROOT / "tools")]

from image_structures import empty_png  # noqa: E402

MAX_BODY_MB, WORKER_CAP_MB, MAX_GROWTH_MB = 1, 1500, 10.0
RECENT_MB = 2  # full after the warm-up: with the default, new images fill it for 20,000 requests
CUT_OUTS = 12
REPORT_SECONDS = 60
NAMED_PAGE = "special_upright.png"
BOUNDARY = "b0undary"


def part(name: str, value: bytes, filename: str = "") -> bytes:
    """One part of a multipart body."""
    named = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def form(*parts: bytes) -> Request:
    """POST /ocr_service with these parts."""
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return Request("form", body, path="/ocr_service", headers=headers)


def fields(**values: Any) -> Request:
    """POST /ocr_service with JSON."""
    headers = {"Content-Type": "application/json"}
    return Request("fields", json.dumps(values).encode(), path="/ocr_service", headers=headers)


def wrong_requests(image: bytes) -> list[tuple[Request, str]]:
    """Invalid requests, and the expected outcome of each."""
    file = part("file", image, "a.png")
    absent = "0" * 32
    return [
        (form(), "400 missing_file"),
        (form(file, file), "400 one_file_only"),
        (form(part("block_flag", b"maybe"), file), "400 bad_field"),
        (dataclasses.replace(form(file), body=b"no boundary"), "400 bad_request"),
        (fields(file_type="telepathy"), "400 bad_field"),
        (fields(file_type="filename", filename="../pages.json"), "404 not_found"),
        (fields(file_type="filename", filename="absent.png"), "404 not_found"),
        (Request("page", method="GET", path="/no/such/page"), "404 not_found"),
        (Request("job", method="GET", path="/jobs/unknown"), "404 not_found"),
        (Request("result", method="GET", path=f"/results/{absent}"), "404 not_found"),
        (Request("method", method="GET"), "405 method_not_allowed"),
        (upload("large", bytes((MAX_BODY_MB << 20) + 1)), "413 body_too_large"),
        (upload("huge", empty_png(50_000, 50_000)), "413 too_many_pixels"),
        (upload("PDF", b"%PDF-1.7\n" + bytes(500)), "415 unsupported_format"),
        (upload("cut", image[: len(image) // 2]), "422 invalid_image"),
    ]


class MixedRequests:
    """Sends all kinds of requests, and records wrong answers."""

    def __init__(self, client: Client, randomness: random.Random) -> None:
        self.sent: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.lost = 0
        self._client = client
        self._random = randomness
        self._numbers = itertools.count()
        self._images: list[Page] = []
        self._named = ""
        self._wrong_requests: list[tuple[Request, str]] = []
        self._kinds: dict[Callable[[], Awaitable[None]], int] = {
            self._hit: 20, self._miss: 20, self._join: 8, self._fail: 20, self._base64: 8,
            self._filename: 8, self._poll: 6, self._cancel: 2, self._leave: 4, self._look: 6,
        }  # fmt: skip

    async def prepare(self) -> bytes:
        """Crop lines from pages and have each one cached; returns one of them."""
        for name, page in itertools.islice(light_pages().items(), CUT_OUTS):
            lines = (await self._client.ask(upload(name, page.image))).json["data"]["lines"]
            cut = cut_out(page.image, lines[len(lines) // 2]["box"])
            text = (await self._client.ask(upload("cut-out", cut))).text
            self._images.append(Page(cut, (text,)))
        named = await self._client.ask(fields(file_type="filename", filename=NAMED_PAGE))
        self._named = named.text
        self._wrong_requests = wrong_requests(self._images[0].image)
        return self._images[0].image

    async def send(self, requests: int, clients: int) -> None:
        """Send this many requests, by clients that wait for their answers."""
        enough = self.sent.total() + requests
        kinds, weights = list(self._kinds), list(self._kinds.values())

        async def one_after_the_other() -> None:
            while self.sent.total() < enough:
                await self._random.choices(kinds, weights)[0]()

        await asyncio.gather(*(one_after_the_other() for _ in range(clients)))

    async def _ask(self, kind: str, request: Request, *expected: str) -> Answer:
        """Send a request, count it, and check its outcome."""
        self.sent[kind] += 1
        answer = await self._client.ask(request)
        self.lost += bool(answer.lost)
        self.outcomes[answer.outcome] += 1
        if answer.outcome not in expected:
            self.wrong[f"{kind} {request.name}: {answer.outcome}"] += 1
        return answer

    async def _read(self, kind: str, request: Request, text: str, *cache: str) -> None:
        """Send an image, and check its text and cache outcome."""
        answer = await self._ask(kind, request, "200")
        if answer.status == 200 and answer.text != text:
            self.wrong[f"{kind}: another text"] += 1
        if answer.status == 200 and cache and answer.headers.get("x-cache") not in cache:
            self.wrong[f"{kind}: X-Cache {answer.headers.get('x-cache')}"] += 1

    def _known(self) -> tuple[bytes, str]:
        page = self._random.choice(self._images)
        return page.image, page.lines[0]

    def _new(self) -> tuple[bytes, str]:
        image, text = self._known()
        return varied(image, next(self._numbers)), text

    async def _hit(self) -> None:
        image, text = self._known()
        await self._read("hit", form(part("file", image, "a.png")), text)

    async def _miss(self) -> None:
        image, text = self._new()
        await self._read("miss", upload("new", image), text, "miss")

    async def _join(self) -> None:
        image, text = self._new()
        both = (self._read("join", upload("twice", image), text) for _ in range(2))
        await asyncio.gather(*both)

    async def _fail(self) -> None:
        await self._ask("error", *self._random.choice(self._wrong_requests))

    async def _base64(self) -> None:
        image, text = self._random.choice((self._known, self._new))()
        encoded = base64.b64encode(image).decode()
        await self._read("base64", fields(file_type="base64", image=encoded), text)

    async def _filename(self) -> None:
        await self._read("filename", fields(file_type="filename", filename=NAMED_PAGE), self._named)

    async def _accept(self, kind: str) -> tuple[str, str]:
        """Start a job; returns its address and its expected text."""
        image, text = self._new()
        request = form(part("block_flag", b"false"), part("file", image, "a.png"))
        answer = await self._ask(kind, request, "202")
        return answer.headers.get("location", "/jobs/none"), text

    async def _poll(self) -> None:
        url, text = await self._accept("job")
        await self._read("job", Request("poll", method="GET", path=f"{url}?wait=30"), text)

    async def _cancel(self) -> None:
        url, _ = await self._accept("cancelled job")
        await asyncio.sleep(self._random.random() / 20)
        request = Request("cancel", method="DELETE", path=url)
        await self._ask("cancelled job", request, "204", "409 conflict")

    async def _leave(self) -> None:
        self.sent["client gone"] += 1
        share = self._random.choice((0.3, 1.0))
        await self._client.abandon(
            upload("left", self._new()[0]), share, self._random.random() / 20
        )

    async def _look(self) -> None:
        path = self._random.choice(("/healthz", "/readyz", "/livez", "/metrics"))
        await self._ask("look", Request(path, method="GET", path=path), "200")


class Soak:
    """Runs the warm-up and the requests, and checks for growth and leaks."""

    def __init__(self, server: ServerUnderTest, verdict: Verdict, arguments: Namespace) -> None:
        self._server = server
        self._verdict = verdict
        self._arguments = arguments
        self._largest_worker = 0.0

    async def run(self) -> None:
        """Run everything; compares memory at the end of the warm-up and at the end."""
        client = Client(self._server.port)
        mixed = MixedRequests(client, random.Random(self._arguments.seed))
        invariant = Invariant.of(self._server, await mixed.prepare(), self._server.workers)
        watch = asyncio.ensure_future(self._watch(mixed))
        await mixed.send(self._arguments.warm_up, self._arguments.clients)
        broken = await asyncio.to_thread(invariant.broken)
        before = rss_mb(self._server.pid)
        start = time.monotonic()
        await mixed.send(self._arguments.requests, self._arguments.clients)
        seconds = time.monotonic() - start
        broken += await asyncio.to_thread(invariant.broken)
        after = rss_mb(self._server.pid)
        watch.cancel()
        client.close()
        self._judge_answers(mixed, seconds)
        self._judge_server(before, after, broken)

    async def _watch(self, mixed: MixedRequests) -> None:
        """Sample the workers' memory until cancelled; print the progress once a minute."""
        for second in itertools.count(1):
            await asyncio.sleep(1)
            workers = map(rss_mb, worker_processes(self._server.pid))
            self._largest_worker = max(self._largest_worker, *workers, 0.0)
            if second % REPORT_SECONDS == 0:
                front_end = f"front end {rss_mb(self._server.pid):.1f} MiB"
                print(f"{mixed.sent.total()} sent, {front_end}", flush=True)

    def _judge_answers(self, mixed: MixedRequests, seconds: float) -> None:
        row = self._verdict.row
        row("sent", f"{listed(mixed.sent)}; {seconds:.0f} s without the warm-up")
        row("answers", listed(mixed.outcomes))
        row("lost", str(mixed.lost), mixed.lost == 0)
        row("wrong", listed(mixed.wrong), not mixed.wrong)

    def _judge_server(self, before: float, after: float, broken: list[str]) -> None:
        row, health = self._verdict.row, self._server.health()
        text = f"{before:.1f} MiB after the warm-up, {after:.1f} at the end, {after - before:+.1f}"
        row("front end", text, after - before <= MAX_GROWTH_MB)
        text = f"{self._largest_worker:.0f} MiB, cap {WORKER_CAP_MB}"
        row("largest worker", text, self._largest_worker <= WORKER_CAP_MB)
        row("restarts", listed(Counter(health["restarts"])))
        row("kept", f"{health['cache']['entries']} results, {health['jobs']} jobs")
        row("invariant", "; ".join(broken) or "held", not broken)


def cut_out(image: bytes, box: list[list[float]]) -> bytes:
    """A PNG of the line in the box, with a margin."""
    xs, ys = zip(*box, strict=True)
    margin = 12
    edges = (min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)
    encoded = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").crop(edges).save(encoded, "PNG")
    return encoded.getvalue()


def main() -> int:
    """Run, stop the server, print the table."""
    arguments = _parse()
    settings = {
        "web_server": {"max_body_mb": MAX_BODY_MB, "filename_roots": [str(PAGES.parent / "pages")]},
        "ocr": {"process": {"number": arguments.workers, "max_rss_mb": WORKER_CAP_MB}},
        "service": {"max_recent_mb": RECENT_MB},
    }
    verdict = Verdict()
    with serving(settings) as server:
        asyncio.run(Soak(server, verdict, arguments).run())
    verdict.row("exit status", str(server.exit_status), server.exit_status == 0)
    return verdict.print()


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--warm-up", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
