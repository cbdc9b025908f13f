"""Which model sets the settings name, and which of them is the default."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ocr_engine.errors import ModelError, UnknownModels
from ocr_engine.models.catalogue import DEFAULT_SET
from server.settings.model_sets import NamedSet
from server.settings.settings import Settings

CUSTOM = "custom"  # the default set, if ocr.predict_system has folders of models
_OWN_MODELS = tuple(
    field.name for field in dataclasses.fields(NamedSet) if field.name not in ("name", "models")
)


def default_set(settings: Settings) -> NamedSet:
    """The set that reads images for which no set is named."""
    ocr = settings.ocr
    own = {name: getattr(ocr.predict_system, name) for name in _OWN_MODELS}
    if any(value is not None for value in own.values()):
        return NamedSet(CUSTOM, ocr.models, **own)
    for each in ocr.model_sets:
        if each.name == ocr.models:
            return each
    name = DEFAULT_SET[ocr.engine] if ocr.models == "auto" else ocr.models
    return NamedSet(name, ocr.models)


def named_sets(settings: Settings) -> tuple[NamedSet, ...]:
    """All sets, the default first; ModelError if another one has its name."""
    default = default_set(settings)
    others = []
    for each in settings.ocr.model_sets:
        if each.name != default.name:
            others.append(each)
        elif dataclasses.replace(each, models=default.models) != default:
            raise ModelError(f"ocr.model_sets: {each.name} is the default set; use another name")
    return (default, *others)


def find_set(settings: Settings, name: str) -> NamedSet:
    """The set with this name; UnknownModels if there is none."""
    sets = named_sets(settings)
    for each in sets:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in sets)
    raise UnknownModels(f"models = {name!r}: expected one of {names}")


def without_folders(settings: Settings, text: str) -> str:
    """The text with the last parts of paths to models instead of whole paths, for clients."""
    for each in named_sets(settings):
        for name in _OWN_MODELS:
            path = getattr(each, name)
            if isinstance(path, Path):
                text = text.replace(str(settings.resolve(path)), path.name)
    return text
