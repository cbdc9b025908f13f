"""Findings 12, 16, 17, 20 and the framing of HTTP: headers and numbers."""

from __future__ import annotations

import json

from attacks.attack import Attack, Seen, Target, code_of, counted, head, outcome

EVIL = "rebind.evil.example"
DIGITS = ("١٠٠٠", "1_000", " 1000\n", "１０００", "1e3_0", "+1000 ")
MOST_LOG_BYTES = 2000  # a line with a message


def foreign_hosts(target: Target) -> Seen:
    """Requests under a name that a page of another site gave to this address."""
    upload = head("/ocr", {"Host": EVIL, "Content-Length": 1}) + b"x"
    gets = [
        head(path, {"Host": EVIL}, "GET")
        for path in ("/healthz", "/metrics", "/results/" + "0" * 32, "/jobs", "/")
    ]
    codes = [code_of(target.raw(request, 5)) for request in (upload, *gets)]
    own = [code_of(target.raw(head("/livez", {"Host": host}, "GET"), 5))
           for host in ("localhost", "127.0.0.1", f"127.0.0.1:{target.port}", "[::1]")]  # fmt: skip
    holds = all(code.startswith("421") for code in codes) and set(own) == {"200"}
    return Seen(f"{counted(codes)}; own names: {counted(own)}", holds)


def foreign_sites(target: Target) -> Seen:
    """Uploads that a browser sends for a page of another site."""
    image = target.image()
    sites = ({"Origin": f"https://{EVIL}"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"})
    codes = [outcome(target.upload(image, site)) for site in sites]
    own = outcome(target.upload(image, {"Origin": f"http://127.0.0.1:{target.port}"}))
    return Seen(
        f"{counted(codes)}; own page: {own}", set(codes) == {"403 cross_site"} and own == "200"
    )


def long_lengths(target: Target) -> Seen:
    """A Content-Length of thousands of digits."""
    start = target.log_bytes()
    lengths = ("9" * 5000, "9" * 30, "1" * 4301, "-" + "9" * 5000, "0x10", "1_0", "١٠")
    codes = [code_of(target.raw(head("/ocr", {"Content-Length": length}), 5)) for length in lengths]
    log = target.log_since(start)
    refused = all(code[:3] in ("400", "413") for code in codes)
    short = "Traceback" not in log and len(log) < MOST_LOG_BYTES * len(codes)
    return Seen(f"{counted(codes)}; log {len(log)} bytes", refused and short)


def odd_digits(target: Target) -> Seen:
    """Numbers that int() and float() accept, but no other program writes."""
    fields = [{"image": "aGk=", "timeout_ms": digits} for digits in DIGITS]
    codes = [outcome(target.post_json(json.dumps(each).encode())) for each in fields]
    return Seen(counted(codes), set(codes) == {"400 bad_field"})


def half_closed(target: Target) -> Seen:
    """Clients that send everything and shut down their sending side."""
    start = target.log_bytes()
    image = target.image()
    request = head("/ocr", {"Content-Type": "image/png", "Content-Length": len(image)}) + image
    codes = [code_of(target.raw(request, 30, half_closed=True)) for _ in range(5)]
    target.wait_until_idle()
    log = target.log_since(start)
    left = target.health()["requests"]["bytes"]
    holds = set(codes) <= {"200", "closed"} and "Traceback" not in log and left == 0
    return Seen(f"{counted(codes)}; {left} bytes left", holds)


def smuggling(target: Target) -> Seen:
    """Two framings in one request: the second request in its body must not be answered."""
    hidden = head("/openapi.json", {}, "GET")
    framings: tuple[dict[str, str | int], ...] = (
        {"Content-Length": 5, "Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "xchunked", "Content-Length": 0},
        {"Transfer-Encoding": "chunked, identity"},
        {"Transfer-Encoding": "\x0bchunked", "Content-Length": 5},
        {"Content-Length": "0, 5"},
        {"Content-Length ": 5},
    )
    bodies = [b"0\r\n\r\n" + hidden] * len(framings)
    answers = [
        target.raw(head("/ocr", framing) + body, 3)
        for framing, body in zip(framings, bodies, strict=True)
    ]
    split = sum(b'"openapi"' in answer for answer in answers)
    codes = [code_of(answer) for answer in answers]
    return Seen(f"{counted(codes)}; {split} split", split == 0)


ATTACKS = (
    Attack("12", "foreign names in Host", "421, own names 200", foreign_hosts),
    Attack("12", "pages of other sites", "403 cross_site, own page 200", foreign_sites),
    Attack("16", "Content-Length of 5,000 digits", "400 or 413, one line of log", long_lengths),
    Attack("17", "half-closed clients", "200, or as a client that left", half_closed),
    Attack("20", "numbers in other digits", "400 bad_field", odd_digits),
    Attack("held", "two framings in one request", "never two answers", smuggling),
)
