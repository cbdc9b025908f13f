"""The load test, from arguments to exit status."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from load_test.arguments import parse_arguments
from load_test.errors import CannotStart
from load_test.images import find_images
from load_test.load import LoadTest
from load_test.plot import check_plot, draw
from load_test.table import Table, explanation, introduction
from ocr_client.exit_status import ExitStatus


def main(arguments: Sequence[str] | None = None, prog: str = "multirequest.py") -> int:
    """Run the load test; returns the exit status."""
    args = parse_arguments(arguments, prog)
    try:
        return _measure(args)
    except CannotStart as error:
        print(f"{prog.removesuffix('.py')}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def _measure(args: Namespace) -> int:
    if args.plot is not None:
        check_plot(args.plot)
    files = find_images(args.dir)
    output = sys.stderr if args.json else sys.stdout
    show, table = partial(print, file=output, flush=True), Table(output)

    def begin() -> None:
        for line in (*introduction(args, len(files)), "", table.head()):
            show(line)

    def finish(load: LoadTest) -> None:
        for line in table.rows(load.results[-1].summary):
            show(line)

    load = LoadTest(args, files)
    interrupted = asyncio.run(load.run(begin, finish))
    summaries = [each.summary for each in load.results]
    show()
    for line in explanation(args, summaries):
        show(table.filled(line))
    for line in table.reasons(summaries):
        show(line)
    if args.plot is not None:
        draw(args.plot, args, load.results)
        show(f"plot      {args.plot}")
    if args.json:
        print(json.dumps([asdict(each) for each in summaries], indent=2))
    if interrupted:
        print("interrupted: the numbers are those until then", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    return ExitStatus.FAILED if any(each.failures for each in summaries) else ExitStatus.OK
