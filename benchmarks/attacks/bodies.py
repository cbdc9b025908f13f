"""Findings 3 and 4: bodies that are slow to parse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial

from attacks.attack import Attack, Seen, Target, counted, outcome

SIZE = 9 << 20
MOST_SECONDS = 5.0  # for one of them, on a busy machine; it was up to 15

Body = Callable[[], tuple[bytes, str]]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
_FILE = b'Content-Disposition: form-data; name="file"; filename="x"\r\n'


def _filled(unit: bytes) -> tuple[bytes, str]:
    """A part full of near copies of its boundary."""
    return b"--b\r\n" + _FILE + b"\r\n" + unit * (SIZE // len(unit)) + b"\r\n--b--\r\n", MULTIPART


def _part_headers() -> tuple[bytes, str]:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(700_000))
    return b"--b\r\n" + headers + _FILE + b"\r\nq\r\n--b--\r\n", MULTIPART


def _disposition() -> tuple[bytes, str]:
    quotes = b'Content-Disposition: form-data; a="' + b'\\"' * (SIZE // 2) + b'"; name="file"'
    return b"--b\r\n" + quotes + b'; filename="x"\r\n\r\nq\r\n--b--\r\n', MULTIPART


NAMES: dict[str, Body] = {
    "JSON": lambda: (json.dumps({"a" * SIZE: 1}).encode(), JSON),
    "JSON, like a field": lambda: (json.dumps({"filename" * (SIZE // 8): 1}).encode(), JSON),
    "urlencoded": lambda: (b"a" * SIZE + b"=1", FORM),
    "form-data": lambda: (
        b'--b\r\nContent-Disposition: form-data; name="' + b"a" * SIZE + b'"\r\n\r\n1\r\n--b--\r\n',
        MULTIPART,
    ),
}
LOOKALIKES: dict[str, Body] = {
    repr(unit)[2:-1]: partial(_filled, unit)
    for unit in (b"\r\n--bX", b"\r\n--X", b"\r\n", b"\r\n-", b"\0", b"\r\n--b")
}
MANY: dict[str, Body] = {
    "900,000 JSON keys": lambda: (
        b"{" + b",".join(b'"%d":1' % number for number in range(900_000)) + b"}",
        JSON,
    ),
    "900,000 equal JSON keys": lambda: (b"{" + b'"a":1,' * 900_000 + b'"a":1}', JSON),
    "deep JSON": lambda: (b"[" * SIZE, JSON),
    "JSON numbers": lambda: (b'{"timeout_ms":' + b"9" * SIZE + b"}", JSON),
    "urlencoded pairs": lambda: (b"a=1&" * (SIZE // 4), FORM),
    "escapes": lambda: (b"image=" + b"%41" * (SIZE // 3), FORM),
    "base64 of blanks": lambda: (json.dumps({"image": "A A\n" * (SIZE // 5)}).encode(), JSON),
    "part headers": _part_headers,
    "escaped quotes": _disposition,
}


def send(bodies: dict[str, Body], target: Target) -> Seen:
    """Send each body to both routes; each has to be refused, with one line of log."""
    outcomes, slowest, start = [], 0.0, target.log_bytes()
    for make in bodies.values():
        body, content_type = make()
        for path in ("/ocr", "/ocr_service"):
            started = time.monotonic()
            reply = target.request("POST", path, body, {"Content-Type": content_type})
            slowest = max(slowest, time.monotonic() - started)
            outcomes.append(outcome(reply))
    logged = len(target.log_since(start))
    refused = all(each[:3] in ("400", "415", "422") for each in outcomes)
    holds = refused and slowest < MOST_SECONDS and logged < 2000 * len(outcomes)
    return Seen(f"{counted(outcomes)}; slowest {slowest:.2f} s", holds)


def long_queries(target: Target) -> Seen:
    """Names of 30 KB in query strings."""
    paths = ("/results/" + "0" * 32, "/ocr", "/jobs", "/jobs/x")
    outcomes = [outcome(target.get(f"{path}?{'a' * 30_000}=1")) for path in paths]
    return Seen(counted(outcomes), all(each[:2] == "40" for each in outcomes))


ATTACKS = (
    Attack("3", "field names of 9 MB", "400 within 5 s", partial(send, NAMES)),
    Attack("3", "names of 30 KB in queries", "400, 404 or 405", long_queries),
    Attack("4a", "near copies of the boundary", "4xx within 5 s", partial(send, LOOKALIKES)),
    Attack("4b", "very many fields, headers", "4xx within 5 s", partial(send, MANY), False),
)
