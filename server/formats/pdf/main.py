"""The child process: writes one PDF, and ends.

It sends that the source is open, and then that all is written, or an error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import resource
from multiprocessing import connection
from pathlib import Path
from typing import Any, BinaryIO

from ocr_engine.descriptors import receive_descriptor
from ocr_engine.errors import DocumentBroken, EngineError, ImageTooComplex, InvalidImage
from ocr_engine.images.decoders import prepare_decoders
from ocr_engine.worker.memory import is_out_of_memory
from ocr_engine.worker.process_setup import die_with_parent, limit_memory, prepare_process
from server.errors import ServiceError, StorageUnavailable
from server.formats.json_text import dump
from server.formats.pdf.frames import receive_page
from server.formats.pdf.order import PdfOrder, WrittenPdf
from server.formats.pdf.writer import Writer

log = logging.getLogger(__name__)

TOO_COMPLEX = "writing the PDF takes more memory than is allowed for it"
UNREADABLE_PDF = "the PDF is broken: it cannot be written again"
NO_SPACE = "the PDF cannot be written at the moment; the server's log has the cause"
UNREADABLE_IMAGE = "the image cannot be put into a PDF"


def main(channel: connection.Connection, order: PdfOrder) -> None:
    """Write what was ordered, with the pages that come through the channel."""
    die_with_parent()
    prepare_process()
    prepare_decoders()
    limit_memory(order.memory_mb)
    resource.setrlimit(resource.RLIMIT_FSIZE, (order.max_bytes, order.max_bytes))
    with contextlib.suppress(EOFError, OSError):  # the parent has given up
        written = WrittenPdf()
        try:
            written = _write(channel, order)
        except (EngineError, ServiceError) as error:
            reply: dict[str, Any] = _failed(error.code, error.message)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # the libraries raise almost anything when a file is broken
            reply = _unexpected(error, is_image=not order.is_pdf)
        else:
            reply = {"state": "written", "changes": written.changes}
        channel.send_bytes(dump(reply))
        if written.data:
            channel.send_bytes(written.data)


def _write(channel: connection.Connection, order: PdfOrder) -> WrittenPdf:
    writer = Writer(order.mode)
    writer.open(_source(channel, order))
    target = _target(channel, order)
    channel.send_bytes(dump({"state": "open"}))
    while (page := receive_page(channel)) is not None:
        writer.add(page)
    changes = writer.save(target)
    if not isinstance(target, Path):
        target.flush()
    return WrittenPdf(target.getvalue() if isinstance(target, io.BytesIO) else b"", changes)


def _source(channel: connection.Connection, order: PdfOrder) -> Path | bytes:
    if order.source == "channel":
        return channel.recv_bytes()
    if order.source == "descriptor":  # by its name, it has a position of its own
        return Path(f"/proc/self/fd/{receive_descriptor(channel)}")
    return order.source


def _target(channel: connection.Connection, order: PdfOrder) -> Path | BinaryIO:
    if order.target == "channel":
        return io.BytesIO()
    if order.target == "descriptor":
        return open(receive_descriptor(channel), "w+b")
    return order.target


def _unexpected(error: Exception, is_image: bool) -> dict[str, str]:
    if is_out_of_memory(error):
        return _failed(ImageTooComplex.code, TOO_COMPLEX)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("a PDF cannot be written: %s", error)
        return _failed(StorageUnavailable.code, NO_SPACE)
    log.error("a PDF cannot be written", exc_info=error)
    if is_image:
        return _failed(InvalidImage.code, UNREADABLE_IMAGE)
    return _failed(DocumentBroken.code, UNREADABLE_PDF)


def _failed(code: str, message: str) -> dict[str, str]:
    return {"state": "failed", "code": code, "message": message}
