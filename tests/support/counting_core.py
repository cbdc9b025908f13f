"""OpenVINO's core, with a count of what it compiles."""

from __future__ import annotations

from typing import Any

import openvino as ov


class CountingCore:
    """Passes everything on, and counts what is compiled."""

    def __init__(self, core: ov.Core) -> None:
        self._core = core
        self.compiled = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def compile_model(self, *arguments: Any) -> ov.CompiledModel:
        self.compiled += 1
        return self._core.compile_model(*arguments)
