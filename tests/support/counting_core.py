"""OpenVINO's core that counts compilations."""

from __future__ import annotations

from typing import Any

import openvino as ov


class CountingCore:
    """Forwards everything to the core, and counts compilations."""

    def __init__(self, core: ov.Core) -> None:
        self._core = core
        self.compiled = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def compile_model(self, *arguments: Any) -> ov.CompiledModel:
        self.compiled += 1
        return self._core.compile_model(*arguments)
