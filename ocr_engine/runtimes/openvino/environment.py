"""Process settings that must be made before OpenVINO is imported."""

from __future__ import annotations

import os
import sys


def prepare_environment() -> None:
    """Set this process up for OpenVINO; call it before the first import of openvino.

    Blocking openvino_telemetry stops OpenVINO's tools from sending usage data: without that
    package they use a stub.

    oneDNN caches compiled operations per process, 1,024 by default: 100 MB that stay when a model
    is freed. 128 are enough for one infer request to reuse what another has just compiled.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
