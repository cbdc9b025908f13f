"""The recognizers of the model sets that a worker has in its memory."""

from __future__ import annotations

import gc
from collections import OrderedDict
from typing import TYPE_CHECKING

from ocr_engine.memory import return_free_memory
from ocr_engine.model_sets import MAX_LOADED_SETS, ModelSets

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer


class LoadedSets:
    """Loads a set when an image needs it; at most MAX_LOADED_SETS are kept.

    The one that was not used for longest makes room, before the new one is loaded.
    """

    def __init__(self, models: ModelSets) -> None:
        self._models = models
        self._loaded: OrderedDict[str, Recognizer] = OrderedDict()

    def __len__(self) -> int:
        """How many sets are loaded."""
        return len(self._loaded)

    def use(self, name: str = "") -> Recognizer:
        """The recognizer of the set with this name, or of the default; ModelError."""
        wanted = self._models.find(name)
        if wanted.name not in self._loaded:
            while len(self._loaded) >= MAX_LOADED_SETS:
                self._release_oldest()
            self._loaded[wanted.name] = wanted.load()
        self._loaded.move_to_end(wanted.name)
        return self._loaded[wanted.name]

    def prepare(self) -> bool:
        """See KeepsMemory.prepare."""
        return any(recognizer.prepare() for recognizer in self._loaded.values())

    def release_memory(self, shapes: bool = False) -> None:
        """See KeepsMemory.release_memory."""
        for recognizer in self._loaded.values():
            recognizer.release_memory(shapes)

    def _release_oldest(self) -> None:
        self._loaded.popitem(last=False)
        gc.collect()
        return_free_memory()
