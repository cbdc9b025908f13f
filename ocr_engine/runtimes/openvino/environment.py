"""What must be set in a process before it imports OpenVINO."""

from __future__ import annotations

import os
import sys


def prepare_environment() -> None:
    """Set this process up for OpenVINO; call it before the first import of openvino.

    Its tools would send usage data: without that package they use a stub that does nothing.

    oneDNN keeps what it compiled for the whole process, 1,024 operations by default: 100 MB that
    stay when a model goes. 128 are enough for a request to find what another request has just compiled.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
