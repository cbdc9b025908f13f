"""The arguments of `ocr-server recognize`, checked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from ocr_cli.recognize.reader import DRAWING, TEXT_FORMATS, Wanted
from ocr_client.arguments import a_count, a_field, a_time, a_url
from server.formats.registry import OUTPUT_FORMATS
from server.intake.request_fields import OPTION_FIELDS
from server.settings.settings import default_config

GRANULARITIES = ("line", "word", "char")
DESCRIPTION = """Read images: files, folders with all that is below them, patterns in quotes,
and - for standard input. Without --url the engine runs in this command: no
server is needed.

Results go to standard output, or with --output into one file for each image
and format. Run the same command again to go on where it was stopped: what is
done and unchanged is skipped.
"""
EPILOG = """examples:
  {prog} scan.png
  {prog} scans/ --output texts/
  {prog} 'scans/**/*.jpg' --format json > scans.jsonl
  {prog} scans/ --output out/ --format hocr --draw --workers 4
  {prog} scans/ --output out/ --url http://127.0.0.1:8888
  cat scan.png | {prog} -

exit status: 0 all images were read, 1 some were not, 2 could not start,
130 interrupted
"""


def parse_arguments(arguments: Sequence[str], prog: str) -> Namespace:
    """All arguments; leaves with status 2 and one line if one is wrong."""
    parser = _parser(prog)
    args = parser.parse_args(arguments)
    unknown = [name for name, _ in args.option if name not in OPTION_FIELDS]
    if unknown:
        parser.error(f"--option {unknown[0]}: known are {', '.join(OPTION_FIELDS)}")
    if args.draw and args.output is None:
        parser.error("--draw writes images; say where with --output DIR")
    if args.force and args.output is None:
        parser.error("--force belongs to --output DIR")
    if args.url is None and (args.at_once is not None or args.timeout is not None):
        parser.error("--at-once and --timeout belong to --url")
    if args.url is not None and (args.workers is not None or args.config is not None):
        parser.error("--workers and --config are the server's business with --url")
    args.config = default_config() if args.config is None else args.config
    args.timeout = 300.0 if args.timeout is None else args.timeout
    return args


def wanted(args: Namespace) -> Wanted:
    """Formats and options in one."""
    options = dict(args.option)
    granularity = args.granularity or OUTPUT_FORMATS[args.format].implied.get("granularity")
    if granularity is not None:
        options["granularity"] = granularity
    return Wanted((args.format, *([DRAWING] if args.draw else [])), options)


def _parser(prog: str) -> ArgumentParser:
    parser = ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG.format(prog=prog),
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", nargs="+", metavar="FILE", help="an image, a folder, a pattern, or -")
    what = parser.add_argument_group("what is written")
    add = what.add_argument
    add("--format", choices=TEXT_FORMATS, default="text", help="default: text")
    add("--output", type=Path, metavar="DIR", help="a file for each image, below this folder")
    add("--draw", action="store_true", help="also a PNG of each image with its boxes")
    add("--force", action="store_true", help="read again what is done already")
    add("--granularity", choices=GRANULARITIES, help="boxes of words or characters, too")
    add("--option", type=a_field, action="append", default=[], metavar="NAME=VALUE",
        help="of the recognition, like drop_score=0.7; see docs/api.md")  # fmt: skip
    add("--quiet", action="store_true", help="no progress and no summary")
    add = parser.add_argument_group("what reads").add_argument
    add("--workers", type=a_count, metavar="N", help="processes, default: as the settings say")
    add("--config", type=Path, metavar="FILE", help="settings, default: those of `serve`")
    add("--url", type=a_url, help="a running server, like http://127.0.0.1:8888")
    add("--at-once", type=a_count, metavar="N",
        help="requests to it, default: two for each of its workers")  # fmt: skip
    add("--timeout", type=a_time, metavar="TIME", help="of one of its answers, default: 5m")
    return parser
