"""RapidOCR's API application with a number of threads per session; runs in RapidOCR's venv.

The server makes its RapidOCR() without arguments and so has no setting for threads: here every
configuration that is loaded gets the number in RAPIDOCR_INTRA_OP_NUM_THREADS.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

THREADS = {
    "EngineConfig.onnxruntime.intra_op_num_threads": int(
        os.environ["RAPIDOCR_INTRA_OP_NUM_THREADS"]
    )
}

_rapidocr: Any = importlib.import_module("rapidocr.main").RapidOCR
_load_config = _rapidocr._load_config


def _load_config_with_threads(self: Any, path: str | None, params: dict[str, Any] | None) -> Any:
    return _load_config(self, path, {**(params or {}), **THREADS})


_rapidocr._load_config = _load_config_with_threads
app: Any = importlib.import_module("rapidocr_api.main").app
