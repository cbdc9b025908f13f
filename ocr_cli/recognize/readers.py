"""Which reader the arguments of a command ask for."""

from __future__ import annotations

from argparse import Namespace

from ocr_cli.recognize.local import InProcessReader
from ocr_cli.recognize.reader import OutputOptions, Reader
from ocr_cli.recognize.remote import ServerReader
from server.settings.loading import load_settings


def make_reader(args: Namespace, output_options: OutputOptions) -> Reader:
    """A reader with worker processes of this command, or for the server at --url."""
    if args.url is not None:
        return ServerReader(args.url, output_options, args.at_once or 0, args.timeout)
    workers = {} if args.workers is None else {"ocr.process.number": str(args.workers)}
    return InProcessReader(load_settings(args.config, overrides=workers), output_options)
