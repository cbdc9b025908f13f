"""The arguments of `ocr-server recognize`, checked."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from ocr_cli.recognize.reader import DRAWING, FILE_FORMATS, OutputOptions
from ocr_cli.recognize.results import format_of
from ocr_client.arguments import a_count, a_field, a_time, a_url
from ocr_engine.documents.kinds import TextLayer
from server.errors import ServiceError
from server.formats.registry import OUTPUT_FORMATS
from server.intake.request import DocumentChoices
from server.intake.request_fields import (
    DOCUMENT_FIELDS,
    MAX_DPI,
    MIN_DPI,
    OPTION_FIELDS,
    RENDERING_FIELDS,
    parse_rendering,
)
from server.settings.loading import default_config

NO_CHOICES = DocumentChoices()
GRANULARITIES = ("line", "word", "char")
ACCEPTED_OPTIONS = (*OPTION_FIELDS, *(name for name in RENDERING_FIELDS if name != "format"))
DESCRIPTION = """Recognize images and documents (PDF, TIFF, GIF): files, folders with all their
subfolders, quoted patterns, and - for standard input. Without --url the engine
runs in this command; no server is needed.

Results go to standard output, to one file, or with --output DIR or --alongside to
one file per input and format. To resume a run that was stopped, run the same
command again: finished and unchanged files are skipped, and of a document, only
the missing pages are read.
"""
EPILOG = """examples:
  {prog} scan.pdf --output searchable.pdf
  {prog} scan.png
  {prog} scans/ --output texts/
  {prog} scans/ --alongside --format pdf,markdown,json
  {prog} 'scans/**/*.jpg' --format json > scans.jsonl
  {prog} book.pdf --pages 1-10 --output book.txt
  {prog} scans/ --output out/ --url http://127.0.0.1:8888
  cat scan.png | {prog} -

exit status: 0 everything was recognized, 1 some files or pages failed, 2 could
not start, 130 interrupted
"""


def parse_arguments(arguments: Sequence[str], prog: str) -> Namespace:
    """Parse the arguments; exits with status 2 and one line if one is invalid."""
    parser = _parser(prog)
    args = parser.parse_args(arguments)
    check_options(parser, args)
    _settle_output(parser, args)
    args.document = _document_choices(args)
    if args.url is not None and args.config is not None:
        parser.error("--workers and --config cannot be used with --url")
    settle_engine(parser, args)
    return args


def _settle_output(parser: ArgumentParser, args: Namespace) -> None:
    """Decide on the formats, and whether --output names a folder or a file (output_file)."""
    args.output_file = None
    if args.output is not None and not args.output.is_dir():
        named = format_of(args.output.name)
        if named is not None:
            args.output, args.output_file = None, args.output
            args.format = args.format or [named]
    args.format = args.format or ["text"]
    has_folder = args.output is not None or args.alongside
    if args.output is not None and args.alongside:
        parser.error("--output and --alongside exclude each other")
    if args.output_file is not None and args.alongside:
        parser.error("--output and --alongside exclude each other")
    if args.draw and not has_folder:
        parser.error("--draw writes image files; set their folder with --output DIR")
    if args.force and not has_folder and args.output_file is None:
        parser.error("--force needs --output")
    if len(args.format) > 1 and not has_folder:
        parser.error("several formats are several files; set their folder with --output DIR")


def _document_choices(args: Namespace) -> DocumentChoices:
    """What is wanted of documents, without the password.

    Pages that have text of their own keep it in a PDF, unless another choice is made.
    """
    writes_pdf = any(OUTPUT_FORMATS[each].pdf_mode is not None for each in args.format)
    layer: TextLayer = args.text_layer or ("auto" if writes_pdf else "ocr")
    return DocumentChoices(args.pages or "", args.dpi, layer)


def a_format_list(text: str) -> list[str]:
    """Names of output formats, separated by commas."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in FILE_FORMATS:
            raise ArgumentTypeError(f"{name!r}: accepted are {', '.join(FILE_FORMATS)}")
    return list(dict.fromkeys(names))


def some_pages(text: str) -> str:
    """Pages and ranges; see server/intake/page_list.py."""
    try:
        return str(DOCUMENT_FIELDS["pages"](text))
    except ServiceError as error:
        raise ArgumentTypeError(error.message) from None


def a_dpi(text: str) -> int:
    """Pixels per inch."""
    if not text.isascii() or not text.isdigit() or not MIN_DPI <= int(text) <= MAX_DPI:
        raise ArgumentTypeError(f"{text!r}: expected an integer from {MIN_DPI} to {MAX_DPI}")
    return int(text)


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


def output_options(
    args: Namespace, formats: Sequence[str], document: DocumentChoices = NO_CHOICES
) -> OutputOptions:
    """The output options in the arguments; BadField for a choice of rendering that is invalid."""
    options = dict(args.option)
    implied = [OUTPUT_FORMATS[each].implied.get("granularity") for each in formats]
    granularity = args.granularity or next(filter(None, implied), None)
    if granularity is not None:
        options["granularity"] = granularity
    rendering = parse_rendering({**options, "format": formats[0]})
    written = (*formats, *([DRAWING] if args.draw else []))
    return OutputOptions(written, options, rendering, document)


def _parser(prog: str) -> ArgumentParser:
    parser = ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG.format(prog=prog),
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="an image, a document, a folder, a pattern, or -")
    add = parser.add_argument_group("output").add_argument
    add("--format", "--output-type", type=a_format_list, metavar="FORMATS",
        help=f"one or several of {', '.join(FILE_FORMATS)}, separated by commas; "
        "default: that of the file of --output, or text")  # fmt: skip
    add("--output", type=Path, metavar="PLACE",
        help="a folder for all results, or a file for the only one, such as a.pdf")  # fmt: skip
    add("--alongside", action="store_true", help="write the results next to the files")
    add("--draw", action="store_true", help="also write a PNG of each image with its boxes")
    add("--force", action="store_true", help="recognize finished files and pages again")
    add_options(add)
    add("--quiet", action="store_true", help="print no progress and no summary")
    _add_documents(parser)
    add_engine(parser)
    return parser


def _add_documents(parser: ArgumentParser) -> None:
    """Add what only documents have."""
    add = parser.add_argument_group("documents").add_argument
    add("--pages", type=some_pages, metavar="LIST",
        help="pages and ranges, such as 1-3,7,10-; default: all")  # fmt: skip
    add("--dpi", type=a_dpi, default=NO_CHOICES.dpi, metavar="N",
        help="pixels per inch at which pages of a PDF are drawn, default: %(default)s")  # fmt: skip
    add("--text-layer", choices=get_args(TextLayer),
        help="ocr: read every page; auto: keep the text of pages that have it; only: read none; "
        "default: auto for pdf and pdfa, otherwise ocr")  # fmt: skip
    add("--password", action="store_true", help="ask for the password of encrypted PDFs")
    add("--password-file", type=Path, metavar="FILE", help="its first line is the password")


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
