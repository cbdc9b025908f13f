"""The arguments of `ocr-server recognize`, checked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ocr_cli.recognize.reader import DRAWING, FILE_FORMATS, OutputOptions
from ocr_client.arguments import a_count, a_field, a_time, a_url
from server.formats.registry import OUTPUT_FORMATS
from server.intake.request_fields import OPTION_FIELDS, RENDERING_FIELDS, parse_rendering
from server.settings.loading import default_config

GRANULARITIES = ("line", "word", "char")
ACCEPTED_OPTIONS = (*OPTION_FIELDS, *(name for name in RENDERING_FIELDS if name != "format"))
DESCRIPTION = """Recognize images: files, folders with all their subfolders, quoted patterns,
and - for standard input. Without --url the engine runs in this command; no
server is needed.

Results go to standard output, or with --output to one file per image and
format. To resume a run that was stopped, run the same command again: finished
and unchanged images are skipped.
"""
EPILOG = """examples:
  {prog} scan.png
  {prog} scans/ --output texts/
  {prog} 'scans/**/*.jpg' --format json > scans.jsonl
  {prog} scans/ --output out/ --format hocr --draw --workers 4
  {prog} scans/ --output out/ --url http://127.0.0.1:8888
  cat scan.png | {prog} -

exit status: 0 all images were recognized, 1 some failed, 2 could not start,
130 interrupted
"""


def parse_arguments(arguments: Sequence[str], prog: str) -> Namespace:
    """Parse the arguments; exits with status 2 and one line if one is invalid."""
    parser = _parser(prog)
    args = parser.parse_args(arguments)
    check_options(parser, args)
    if args.draw and args.output is None:
        parser.error("--draw writes image files; set their folder with --output DIR")
    if args.force and args.output is None:
        parser.error("--force needs --output DIR")
    if args.url is not None and args.config is not None:
        parser.error("--workers and --config cannot be used with --url")
    settle_engine(parser, args)
    return args


def check_options(parser: ArgumentParser, args: Namespace) -> None:
    """Exit with one line if --option names an option that does not exist."""
    unknown = [name for name, _ in args.option if name not in ACCEPTED_OPTIONS]
    if unknown:
        parser.error(f"--option {unknown[0]}: accepted are {', '.join(ACCEPTED_OPTIONS)}")


def settle_engine(parser: ArgumentParser, args: Namespace) -> None:
    """Check the arguments about the engine or the server, and fill in what is not given."""
    if args.url is None and (args.at_once is not None or args.timeout is not None):
        parser.error("--at-once and --timeout need --url")
    if args.url is not None and args.workers is not None:
        parser.error("--workers and --config cannot be used with --url")
    args.config = default_config() if args.config is None else args.config
    args.timeout = 300.0 if args.timeout is None else args.timeout


def output_options(args: Namespace) -> OutputOptions:
    """The output options in the arguments; BadField for a choice of rendering that is invalid."""
    options = dict(args.option)
    granularity = args.granularity or OUTPUT_FORMATS[args.format].implied.get("granularity")
    if granularity is not None:
        options["granularity"] = granularity
    rendering = parse_rendering({**options, "format": args.format})
    return OutputOptions((args.format, *([DRAWING] if args.draw else [])), options, rendering)


def _parser(prog: str) -> ArgumentParser:
    parser = ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG.format(prog=prog),
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", nargs="+", metavar="FILE", help="an image, a folder, a pattern, or -")
    what = parser.add_argument_group("output")
    add = what.add_argument
    add("--format", choices=FILE_FORMATS, default="text", help="default: text")
    add("--output", type=Path, metavar="DIR", help="write a file for each image to this folder")
    add("--draw", action="store_true", help="also write a PNG of each image with its boxes")
    add("--force", action="store_true", help="recognize finished images again")
    add_options(add)
    add("--quiet", action="store_true", help="print no progress and no summary")
    add_engine(parser)
    return parser


def add_options(add: Callable[..., Any]) -> None:
    """Add the options of a recognition. add: the add_argument() of a parser or of its group."""
    add("--granularity", choices=GRANULARITIES, help="smallest parts in the result")
    add("--option", type=a_field, action="append", default=[], metavar="NAME=VALUE",
        help="an option, such as drop_score=0.7 or order=raster; see docs/api.md")  # fmt: skip


def add_engine(parser: ArgumentParser) -> None:
    """Add what chooses the engine or the server."""
    add = parser.add_argument_group("engine or server").add_argument
    add("--workers", type=a_count, metavar="N", help="worker processes, default: from the settings")
    add("--config", type=Path, metavar="FILE", help="settings file, default: as for `serve`")
    add("--url", type=a_url, help="a running server, such as http://127.0.0.1:8888")
    add("--at-once", type=a_count, metavar="N",
        help="concurrent requests, default: two per worker of the server")  # fmt: skip
    add("--timeout", type=a_time, metavar="TIME", help="timeout of a request, default: 5m")
