"""What the handlers work with; built once by app.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ocr_engine.options import RecognitionOptions
from server.jobs import JobStore
from server.service import OcrService
from server.settings import Settings


@dataclass(slots=True)
class ServerContext:
    """The service, the jobs, the settings, and whether the server is draining."""

    settings: Settings
    service: OcrService
    jobs: JobStore
    default_options: RecognitionOptions
    max_body_bytes: int
    draining: bool = False
    open_requests: int = 0
    receiving_bytes: int = 0
    clock: Callable[[], float] = time.monotonic
    started_at: float = field(default_factory=time.monotonic)

    def ready(self) -> bool:
        """Whether a picture sent now would be read."""
        return not self.draining and self.service.pool.ready()

    def inflight_bytes(self) -> int:
        """How many bytes of bodies and pictures are being received, wait, or are being read."""
        return self.receiving_bytes + self.service.pool.pending_bytes()
