"""RapidOCR's API server, with the weights in its wheel, which are the same as this server's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from peer_servers.environment import HERE, Environment
from peer_servers.program import running
from tests.support.arrivals import Request
from tests.support.program import Program

ENVIRONMENT = Environment("rapidocr", HERE / "rapidocr.txt")
THREADS_VARIABLE = "RAPIDOCR_INTRA_OP_NUM_THREADS"
BOUNDARY = "a-part-of-the-image-benchmark"


class RapidOcrApi:
    """RapidOCR with its default thresholds; its default is PP-OCRv6 small with the v2 classifier.

    threads: of each ONNX Runtime session; None: its default, all cores. workers: processes.
    """

    server = "RapidOCR API"

    def __init__(self, threads: int | None = None, workers: int = 1) -> None:
        self._threads = threads
        self._workers = workers
        parts = [f"{threads} thread{'s' * (threads > 1)}" if threads else ""]
        parts += [f"{workers} workers" if workers > 1 else ""]
        self.setting = ", ".join(filter(None, parts)) or "defaults"
        self.settings: dict[str, Any] = {
            "intra_op_num_threads": threads or -1,
            "workers": workers,
            "use_cls": True,
        }

    @property
    def versions(self) -> dict[str, str]:
        """The versions in its venv."""
        return ENVIRONMENT.versions("rapidocr", "rapidocr-api", "onnxruntime", "uvicorn")

    def start(self) -> AbstractContextManager[Program]:
        """Start its own program, or the same application with another number of threads."""
        environment = {THREADS_VARIABLE: str(self._threads)} if self._threads else {}
        return running(self._command, "/", environment)

    def request(self, name: str, image: bytes) -> Request:
        """The image as the part `image_file` of a form."""
        head = (
            f"--{BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="image_file"; filename="image"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={BOUNDARY}"
        return Request(name, body, headers={"Content-Type": content_type})

    def lines(self, body: bytes) -> list[str]:
        """`rec_txt` of each numbered entry."""
        return [line["rec_txt"] for line in json.loads(body).values()]

    def _command(self, port: int, folder: Path) -> Sequence[str]:
        if self._threads is None:
            command = [ENVIRONMENT.program("rapidocr_api"), "-ip", "127.0.0.1", "-p", str(port)]
        else:
            command = [ENVIRONMENT.program("python"), "-m", "uvicorn", "rapidocr_app:app"]
            command += ["--app-dir", str(HERE), "--host", "127.0.0.1", "--port", str(port)]
        return [*command, "--workers", str(self._workers)]
