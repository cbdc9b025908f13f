"""The arguments of `ocr-server batch` and `ocr-server watch`, checked."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import datetime

from ocr_cli.recognize.arguments import add_engine, add_options, check_options, settle_engine
from ocr_cli.recognize.reader import TEXT_FORMATS
from ocr_client.arguments import a_time
from server.settings.places import SCHEME, is_result_place

PLACES = """SOURCE is a folder, with all its subfolders, or s3://BUCKET/PREFIX.

Results go to --out, which can be repeated:
  DIR                 a file for each image in this folder
  s3://BUCKET/PREFIX  an object for each image
  FILE.jsonl          a line of JSON for each image, at the end of this file
  database            a row for each image in the table storage_result

The ledger in the database of the settings (database.url) has what is finished,
so each version of an image is read once, however often a run is stopped.
"""
BATCH = f"""Read what is new in a folder or a bucket, then exit: for timers and CronJobs.

{PLACES}"""
BATCH_EPILOG = """examples:
  {prog} scans/ --out texts/
  {prog} s3://scans/in --out s3://scans/out --out database
  {prog} scans/ --out texts/ --since all --url http://127.0.0.1:8888

exit status: 0 all new images were read, 1 some failed or are left for the next
run, 2 could not start, 130 interrupted
"""
WATCH = f"""Read what is new in a folder or a bucket, until SIGTERM or Ctrl-C.

{PLACES}"""
WATCH_EPILOG = """examples:
  {prog} scans/
  {prog} scans/ --out texts/ --format text
  {prog} s3://scans/in --out s3://scans/out --every 30s

exit status: 0 stopped by SIGTERM, 2 could not start, 130 interrupted
"""


def parse_batch(arguments: Sequence[str], prog: str) -> Namespace:
    """The arguments of `batch`; exits with status 2 and one line if one is invalid."""
    parser = _parser(prog, BATCH, BATCH_EPILOG)
    parser.add_argument(
        "--since",
        type=a_start,
        default="last",
        metavar="WHEN",
        help="last (the default): what the ledger does not have; all: everything again; "
        "2026-11-30 or 2026-11-30T08:00: also leave out what was not modified since",
    )
    args = _parsed(parser, arguments)
    if not args.out:
        parser.error("say where results go: --out PLACE")
    return args


def parse_watch(arguments: Sequence[str], prog: str) -> Namespace:
    """The arguments of `watch`; exits with status 2 and one line if one is invalid."""
    parser = _parser(prog, WATCH, WATCH_EPILOG)
    add = parser.add_argument
    add("--every", type=a_time, default=60.0, metavar="TIME",
        help="search everything this often, default: 1m")  # fmt: skip
    add("--rest", type=a_time, default=2.0, metavar="TIME",
        help="a file is read when it has not changed for this long, default: 2s")  # fmt: skip
    args = _parsed(parser, arguments)
    if not args.out and args.source.startswith(SCHEME):
        parser.error("say where results go: --out PLACE")
    args.out = args.out or [args.source]  # next to the images
    args.since = "last"
    return args


def a_start(text: str) -> str | float:
    """`last`, `all`, or the Unix time of a date or a time; without a zone, the local one."""
    if text in ("last", "all"):
        return text
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"{text!r}: expected last, all, a date such as 2026-11-30 or a time such as "
            f"{time.strftime('%Y-%m-%dT%H:%M')}"
        ) from None


def a_place(text: str) -> str:
    """A place for results."""
    if not is_result_place(text):
        raise ArgumentTypeError(
            f"{text!r}: expected DIR, s3://BUCKET/PREFIX, FILE.jsonl or database"
        )
    return text


def _parser(prog: str, description: str, epilog: str) -> ArgumentParser:
    parser = ArgumentParser(
        prog=prog,
        description=description,
        epilog=epilog.format(prog=prog),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(draw=False)
    add = parser.add_argument
    add("source", metavar="SOURCE", help="a folder, or s3://BUCKET/PREFIX")
    add("--out", type=a_place, action="append", default=[], metavar="PLACE", help="see above")
    add("--format", choices=TEXT_FORMATS, default="json", help="of files; default: json")
    add_options(add)
    add("--quiet", action="store_true", help="print only what failed")
    add_engine(parser)
    return parser


def _parsed(parser: ArgumentParser, arguments: Sequence[str]) -> Namespace:
    args = parser.parse_args(arguments)
    check_options(parser, args)
    settle_engine(parser, args)
    return args
