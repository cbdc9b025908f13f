"""The renderer process: opens documents and draws their pages, one request after the other."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import traceback
from multiprocessing import connection
from typing import Protocol

from ocr_engine.descriptors import receive_descriptor, send_descriptor
from ocr_engine.documents.kinds import Kind
from ocr_engine.documents.messages import (
    Close,
    Failed,
    Open,
    Opened,
    PageImage,
    PageText,
    ReadPage,
    Ready,
    Reply,
    Stop,
    decode_request,
    encode_reply,
)
from ocr_engine.documents.spec import RendererSpec
from ocr_engine.errors import DocumentBroken, DocumentError, ImageError, PageFailed
from ocr_engine.images.pixels import Pixels
from ocr_engine.memory import return_free_memory, rss_mb
from ocr_engine.worker.process_setup import (
    die_with_parent,
    limit_cpu_time,
    limit_memory,
    prepare_process,
)

RELEASE_RSS_MB = 120  # above which freed memory is returned after each page

log = logging.getLogger(__name__)


class OpenDocument(Protocol):
    """A document of any kind, as the renderer has it open."""

    @property
    def pages(self) -> int:
        """How many it has."""

    def read(self, asked: ReadPage) -> PageImage | PageText:
        """A page; PageFailed, or an ImageError."""

    def close(self) -> None:
        """Close it."""


def main(channel: connection.Connection, spec: RendererSpec) -> None:
    """Serve the channel until a Stop arrives or the parent is gone."""
    die_with_parent()
    prepare_process()
    faulthandler.disable()  # documents that make PDFium crash would fill the log with traces
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)  # it warns about odd documents
    documents: dict[int, OpenDocument] = {}
    channel.send_bytes(encode_reply(Ready(rss_mb())))
    while True:
        try:
            request = decode_request(channel.recv_bytes())
            if isinstance(request, Stop):
                return
            if isinstance(request, Close):
                documents.pop(request.document).close()
                continue
            limit_memory(spec.memory_mb)
            limit_cpu_time(spec.page_seconds)
            if isinstance(request, Open):
                reply = _opened(documents, request, receive_descriptor(channel))
            else:
                reply = _read(documents[request.document], request)
            channel.send_bytes(encode_reply(reply))
            if isinstance(reply, PageImage) and isinstance(reply.image, Pixels):
                send_descriptor(channel, reply.image.descriptor)
        except (EOFError, OSError):
            return
        del reply
        if rss_mb() > RELEASE_RSS_MB:
            return_free_memory()


def _opened(documents: dict[int, OpenDocument], asked: Open, descriptor: int) -> Reply:
    """Open a document; every error becomes a Failed."""
    try:
        document = _open(asked.kind, descriptor, asked.password)
    except DocumentError as error:
        return Failed(error.code, error.message, rss_mb())
    except Exception:
        _log_error()
        return Failed(DocumentBroken.code, "the document is broken", rss_mb())
    finally:
        os.close(descriptor)
    documents[asked.document] = document
    return Opened(document.pages, rss_mb())


def _open(kind: Kind, descriptor: int, password: str) -> OpenDocument:
    if kind == "tiff":
        from ocr_engine.documents.tiff_pages import TiffPages

        return TiffPages(descriptor)
    if kind == "gif":
        from ocr_engine.documents.gif_frames import GifFrames

        return GifFrames(descriptor)
    from ocr_engine.documents.pdf import PdfPages

    return PdfPages(descriptor, password)


def _read(document: OpenDocument, asked: ReadPage) -> Reply:
    """Draw a page, or take its text; every error becomes a Failed."""
    try:
        page = document.read(asked)
        if asked.side and isinstance(page, PageImage):
            from ocr_engine.documents.shown_page import shown_page  # with NumPy and OpenCV

            return shown_page(page, asked)
        return page
    except (DocumentError, ImageError) as error:
        return Failed(error.code, error.message, rss_mb())
    except MemoryError:
        message = f"page {asked.page} needs more memory than a renderer may use"
        return Failed(PageFailed.code, message, rss_mb())
    except Exception:
        _log_error()
        return Failed(PageFailed.code, f"page {asked.page} cannot be drawn", rss_mb())


def _log_error() -> None:
    with contextlib.suppress(MemoryError):
        log.error("a document cannot be read\n%s", traceback.format_exc())
