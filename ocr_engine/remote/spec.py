"""What is known of a model on another server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GRAMMARS = 1  # to be raised when answers are understood in another way, so that none is reused


@dataclass(frozen=True, slots=True)
class RemoteSet:
    """A model on another server, as a model set that requests may name.

    url: of its API, such as http://gpu:8000/v1. model: its name there. kind: how it is asked, a key
    of KINDS. key: for the server. prompt: None for that of the kind. sampling: fields of the
    request that replace those of the kind; None removes one. min_pixels, max_pixels: of the image
    that is sent; None for those of the kind.
    concurrency: open requests. queue_size, queue_seconds: limits of its backlog. seconds: for one
    image, with all attempts. attempts: of each request.
    """

    name: str
    url: str
    model: str
    kind: str = "text"
    key: str | None = field(default=None, repr=False)
    prompt: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    min_pixels: int | None = None
    max_pixels: int | None = None
    concurrency: int = 16
    queue_size: int = 200
    queue_seconds: float = 300.0
    seconds: float = 120.0
    attempts: int = 4
    user_share: float = 1.0

    def fingerprint(self) -> str:
        """A string that differs between sets that may read an image differently."""
        known = {
            "grammars": GRAMMARS,
            "url": self.url,
            "model": self.model,
            "kind": self.kind,
            "prompt": self.prompt,
            "sampling": dict(self.sampling),
            "pixels": [self.min_pixels, self.max_pixels],
        }
        return "remote/" + json.dumps(known, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class PixelSpec:
    """Limits of the processes that prepare images; see WorkerSpec."""

    max_pixels: int = 40_000_000
    task_memory_mb: int = 0
    seconds: float = 30.0
