"""OCRmyPDF plugin: pages are read by a concurrent-ocr-server."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ocrmypdf import OcrElement, OcrEngine, hookimpl
from ocrmypdf.pluginspec import OrientationConfidence

from ocrmypdf_ocr_server.client import Address, ask
from ocrmypdf_ocr_server.elements import page_element

VERSION = "0.1.0"
SURE = 15.0  # in OCRmyPDF's units; it rotates pages from 14 on
READS = {"eng", "chi_sim", "chi_tra", "jpn"}


class ServerEngine(OcrEngine):
    """The engine; OCRmyPDF calls its methods in threads and processes of its own."""

    @staticmethod
    def version() -> str:
        """The version of the plugin."""
        return VERSION

    @staticmethod
    def creator_tag(options: Any) -> str:
        """What is written into the metadata of the PDF."""
        return f"ocr-server plugin {VERSION}"

    def __str__(self) -> str:
        return f"ocr-server plugin {VERSION}"

    @staticmethod
    def languages(options: Any) -> set[str]:
        """Whatever is asked for: the models of the server read all their languages."""
        return READS | set(options.languages)

    @staticmethod
    def get_orientation(input_file: Path, options: Any) -> OrientationConfidence:
        """By how far the page must be rotated clockwise."""
        data = _read(input_file, options)
        return OrientationConfidence(int(data.get("angle", 0)), SURE if data["lines"] else 0.0)

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: Any) -> None:
        """Not used, since there is generate_ocr()."""
        raise NotImplementedError

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: Any) -> None:
        """Not used, since there is generate_ocr()."""
        raise NotImplementedError

    @staticmethod
    def supports_generate_ocr() -> bool:
        """Whether generate_ocr() is used."""
        return True

    @staticmethod
    def generate_ocr(
        input_file: Path, options: Any, page_number: int = 0
    ) -> tuple[OcrElement, str]:
        """The elements of a page and its text; the names of the arguments are part of the API."""
        data = _read(input_file, options)
        return page_element(data, page_number), str(data["text"])


def _read(input_file: Path, options: Any) -> dict[str, Any]:
    extra = getattr(options, "extra_attrs", {})
    return ask(Address.of(extra.get("ocr_server_url")), input_file.read_bytes())


@hookimpl
def add_options(parser: ArgumentParser) -> None:
    """Add the argument of the plugin."""
    group = parser.add_argument_group("OCR server")
    group.add_argument("--ocr-server-url", metavar="URL", help="the server that reads the pages")


@hookimpl
def get_ocr_engine(options: Any) -> OcrEngine | None:
    """The engine, unless another one is asked for."""
    chosen = getattr(options, "ocr_engine", "auto") if options is not None else "auto"
    return ServerEngine() if chosen == "auto" else None
