"""The arguments of a load test, checked."""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from load_test.loops import Amount
from load_test.requests import MODES
from load_test.traffic import SCENARIOS, Scenario, parse_mix
from ocr_client.arguments import (
    DEFAULT_URL,
    a_count,
    a_field,
    a_header,
    a_rate,
    a_time,
    a_url,
)

DEFAULT_CLIENTS = 50
DEFAULT_RATE_SECONDS = 10.0
_SHIPPED_IMAGES = Path(__file__).resolve().parent.parent / "imgs"

DESCRIPTION = """Load test of the OCR server, with the images of one folder.

scenarios:
  different  each request has its own image, which is not cached
  same       all requests have the same image, which is not cached at the start
  cached     all requests have the same image, which is already cached
  --mix      a mix of all three: unique, duplicate (of the previous), cached
Images are not cached on any run: a comment with a nonce changes an image's MD5,
but none of its pixels. This is not possible with WebP and --mode filename,
which send `Cache-Control: no-cache`.

loops:
  closed     --clients N: each client waits for an answer, then sends again
  open       --rate R: requests are sent on schedule, without waiting for
             answers; latencies count from the time when a request was due
"""
EXAMPLES = """examples:
  {prog}                            50 clients, all three scenarios
  {prog} --clients 8 --duration 30s --scenario different
  {prog} --rate 5 --arrivals poisson --duration 1m
  {prog} --mix unique=60,duplicate=20,cached=20
  {prog} --warm-up 5s --plot load.png --json > load.json

exit status: 0 all answers were good, 1 some requests failed, 2 could not start,
130 interrupted
"""


def parse_arguments(arguments: Sequence[str] | None, prog: str) -> Namespace:
    """Parse the arguments; exits with status 2 and one line if one is invalid."""
    parser = _parser(prog)
    args = parser.parse_args(arguments)
    if args.rate is not None and args.clients is not None:
        parser.error("--clients (closed loop) and --rate (open loop) exclude each other")
    if args.arrivals is not None and args.rate is None:
        parser.error("--arrivals needs --rate")
    args.clients = DEFAULT_CLIENTS if args.clients is None else args.clients
    args.arrivals = args.arrivals or "constant"
    args.amount = _amount(args)
    args.scenarios = _scenarios(args)
    args.fields, args.headers = dict(args.field), dict(args.header)
    args.dir = _folder(args.dir)
    args.seed = random.randrange(1 << 32) if args.seed is None else args.seed
    return args


def _parser(prog: str) -> ArgumentParser:
    parser = ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EXAMPLES.format(prog=prog),
        formatter_class=RawDescriptionHelpFormatter,
    )
    names = [each.name for each in SCENARIOS]
    what = parser.add_argument_group("requests")
    add = what.add_argument
    add("--url", type=a_url, default=DEFAULT_URL, help="the server's URL, default: %(default)s")
    add("--dir", type=Path, metavar="FOLDER", help="the folder of images, default: imgs")
    chosen = what.add_mutually_exclusive_group()
    chosen.add_argument("--scenario", choices=[*names, "all"], default="all", help="default: all")
    chosen.add_argument("--mix", type=parse_mix, help="such as unique=60,duplicate=20,cached=20")
    add("--mode", choices=MODES, default="file", help="how images are sent, default: file")
    add("--field", type=a_field, action="append", default=[], metavar="NAME=VALUE",
        help="a form field of every request, such as drop_score=0.7")  # fmt: skip
    add("--header", type=a_header, action="append", default=[], metavar="NAME:VALUE",
        help="a header of every request")  # fmt: skip
    add = parser.add_argument_group("load").add_argument
    add(
        "--clients",
        type=a_count,
        metavar="N",
        help=f"concurrent, default: {DEFAULT_CLIENTS}",
    )
    add("--rate", type=a_rate, metavar="R", help="requests per second, instead of --clients")
    add("--arrivals", choices=("constant", "poisson"), help="arrivals at --rate, default: constant")
    add("--requests", type=a_count, metavar="N", help="requests per scenario, default: one per "
        f"client, or {DEFAULT_RATE_SECONDS:g} s at --rate")  # fmt: skip
    add("--duration", type=a_time, metavar="TIME", help="time per scenario, such as 30s or 2m")
    add("--warm-up", type=an_amount, metavar="AMOUNT",
        help="uncounted load before each scenario: requests (20) or time (5s)")  # fmt: skip
    add(
        "--timeout",
        type=a_time,
        default=120.0,
        metavar="TIME",
        help="per request, default: 2m",
    )
    add("--seed", type=int, help="random seed of arrivals and mixes, default: random")
    add = parser.add_argument_group("output").add_argument
    add("--json", action="store_true", help="JSON to stdout, the table to stderr")
    add("--plot", type=Path, metavar="FILE", help="latencies and throughput as PNG, SVG or PDF")
    add("--quiet", action="store_true", help="print no progress")
    return parser


def an_amount(text: str) -> Amount:
    """A number of requests, or a time with its unit."""
    if text.isascii() and text.isdigit():
        return Amount(requests=a_count(text))
    return Amount(seconds=a_time(text))


def _amount(args: Namespace) -> Amount:
    if args.requests is None and args.duration is None:
        if args.rate is not None:
            return Amount(seconds=DEFAULT_RATE_SECONDS)
        return Amount(requests=args.clients)
    return Amount(args.requests, args.duration)


def _scenarios(args: Namespace) -> tuple[Scenario, ...]:
    if args.mix is not None:
        return (args.mix,)
    return tuple(each for each in SCENARIOS if args.scenario in (each.name, "all"))


def _folder(given: Path | None) -> Path:
    """The given folder, or `imgs` in the working directory, or `imgs` in the repository."""
    if given is not None:
        return given
    here = Path("imgs")
    return here if here.is_dir() or not _SHIPPED_IMAGES.is_dir() else _SHIPPED_IMAGES
