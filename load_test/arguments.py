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
  different  each request has its own image, not cached
  same       all have one image, not cached before: they join one recognition
  cached     all have one image that was posted beforehand
  --mix      shares of all three: unique, duplicate (of the one before), cached
"Not cached" holds on every run: a comment with a fresh nonce changes the MD5 of
an image and none of its pixels. WebP and --mode filename cannot have that and
send `Cache-Control: no-cache`.

loops:
  closed     --clients N: each waits for its answer before it sends again
  open       --rate R: requests leave at their times, answers or not; latencies
             count from the moment at which a request was due
"""
EXAMPLES = """examples:
  {prog}                            50 clients, all three scenarios
  {prog} --clients 8 --duration 30s --scenario different
  {prog} --rate 5 --arrivals poisson --duration 1m
  {prog} --mix unique=60,duplicate=20,cached=20
  {prog} --warm-up 5s --plot load.png --json > load.json

exit status: 0 all answers are good, 1 something failed, 2 could not start,
130 interrupted
"""


def parse_arguments(arguments: Sequence[str] | None, prog: str) -> Namespace:
    """All arguments; leaves with status 2 and one line if one is wrong."""
    parser = _parser(prog)
    args = parser.parse_args(arguments)
    if args.rate is not None and args.clients is not None:
        parser.error("--clients is for a closed loop and --rate for an open one; give one of them")
    if args.arrivals is not None and args.rate is None:
        parser.error("--arrivals says how requests come at a --rate; give that, too")
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
    what = parser.add_argument_group("what is sent, and where")
    add = what.add_argument
    add("--url", type=a_url, default=DEFAULT_URL, help="the server, default: %(default)s")
    add("--dir", type=Path, metavar="FOLDER", help="of images, default: imgs")
    chosen = what.add_mutually_exclusive_group()
    chosen.add_argument("--scenario", choices=[*names, "all"], default="all", help="default: all")
    chosen.add_argument("--mix", type=parse_mix, help="like unique=60,duplicate=20,cached=20")
    add("--mode", choices=MODES, default="file", help="how images are named, default: file")
    add("--field", type=a_field, action="append", default=[], metavar="NAME=VALUE",
        help="a form field of every request, like drop_score=0.7")  # fmt: skip
    add("--header", type=a_header, action="append", default=[], metavar="NAME:VALUE",
        help="a header of every request")  # fmt: skip
    add = parser.add_argument_group("how").add_argument
    add("--clients", type=a_count, metavar="N", help=f"at once, default: {DEFAULT_CLIENTS}")
    add("--rate", type=a_rate, metavar="R", help="requests per second, instead of --clients")
    add("--arrivals", choices=("constant", "poisson"), help="of --rate, default: constant")
    add("--requests", type=a_count, metavar="N", help="of each scenario, default: as many as "
        f"clients, or {DEFAULT_RATE_SECONDS:g} s of a --rate")  # fmt: skip
    add("--duration", type=a_time, metavar="TIME", help="of each scenario, like 30s or 2m")
    add("--warm-up", type=an_amount, metavar="AMOUNT",
        help="before each scenario, not counted: requests (20) or time (5s)")  # fmt: skip
    add("--timeout", type=a_time, default=120.0, metavar="TIME", help="of one answer, default: 2m")
    add("--seed", type=int, help="of arrivals and mixes, default: another one each time")
    add = parser.add_argument_group("output").add_argument
    add("--json", action="store_true", help="JSON to stdout, the table to stderr")
    add("--plot", type=Path, metavar="FILE", help="latencies and throughput as PNG, SVG or PDF")
    add("--quiet", action="store_true", help="no progress while it runs")
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
    """The folder that was named, else `imgs` here, else the one of the repository."""
    if given is not None:
        return given
    here = Path("imgs")
    return here if here.is_dir() or not _SHIPPED_IMAGES.is_dir() else _SHIPPED_IMAGES
