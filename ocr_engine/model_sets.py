"""The model sets that workers can load, by name, and which of them is the default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocr_engine.errors import UnknownModels

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

MAX_LOADED_SETS = 2  # in one worker


@dataclass(frozen=True, slots=True)
class LoadableSet:
    """A model set that workers can load.

    load: builds its recognizer; a picklable callable. fingerprint: differs between sets that may
    read an image differently. models: the names of its models, for people. remote_places: how many
    images its server reads concurrently; 0: it is not on another server, workers load it.
    """

    load: Callable[[], Recognizer]
    name: str = "default"
    fingerprint: str = ""
    models: str = ""
    remote_places: int = 0


@dataclass(frozen=True, slots=True)
class ModelSets:
    """default: reads images for which no set is named. others: loaded when an image needs them."""

    default: LoadableSet
    others: tuple[LoadableSet, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all sets, sorted."""
        return tuple(sorted(each.name for each in self.every()))

    def every(self) -> tuple[LoadableSet, ...]:
        """All sets, the default first."""
        return (self.default, *self.others)

    def find(self, name: str) -> LoadableSet:
        """The set with this name, or the default if it is empty; UnknownModels if there is none."""
        if not name:
            return self.default
        for each in self.every():
            if each.name == name:
                return each
        raise UnknownModels(f"models = {name!r}: expected one of {', '.join(self.names)}")

    def with_default(self, chosen: LoadableSet) -> ModelSets:
        """These sets with another default, which takes the place of the set with its name."""
        return ModelSets(chosen, tuple(each for each in self.every() if each.name != chosen.name))
