"""What a result was made from, so that it is made again only if that has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.reader import OutputOptions

INCOMPLETE = "incomplete"  # in place of Origin.how, if pages are missing


class CannotWrite(Exception):
    """The results cannot be written; the message is one line for the user."""


class Origin(NamedTuple):
    """The file, options and models of a result."""

    size: int
    mtime_ns: int
    how: str


class Origins:
    """The origins of the results of one run."""

    def __init__(self, output_options: OutputOptions, fingerprint: str) -> None:
        how: dict[str, Any] = {"options": dict(output_options.options), "models": fingerprint}
        choices = output_options.document
        drawn = {"dpi": choices.dpi, "text_layer": choices.text_layer}
        self._image = _digest(how)
        self._page = _digest({**how, "drawn": drawn})
        self._document = _digest({**how, "drawn": drawn, "pages": choices.pages})

    def of_result(self, file: InputFile) -> Origin:
        """The present origin of a file's results; call it before the file is read."""
        return _origin(file, self._image if file.document_kind is None else self._document)

    def of_pages(self, file: InputFile) -> Origin:
        """The present origin of a document's pages, whichever of them are wanted."""
        return _origin(file, self._page)


def _origin(file: InputFile, how: str) -> Origin:
    if file.path is None:
        return Origin(-1, -1, how)
    status = file.path.stat()
    return Origin(status.st_size, status.st_mtime_ns, how)


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
