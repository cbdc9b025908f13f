"""The models of a node, as front ends learn of them: they have no models of their own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ocr_cluster.work import digest_of
from ocr_engine.errors import ModelError
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.recognizer import EngineInfo, Recognizer

CATALOGUE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a node has loaded, and the model sets that images may name."""

    info: EngineInfo
    models: ModelSets


def encode(info: EngineInfo, models: ModelSets) -> bytes:
    """The description as JSON."""
    sets = [
        {"name": each.name, "fingerprint": each.fingerprint, "models": each.models}
        for each in models.every()
    ]
    return json.dumps({"info": asdict(info), "sets": sets}).encode()


def decode(data: bytes) -> Catalogue:
    """The inverse of encode(); ValueError, KeyError or TypeError for other data."""
    values = json.loads(data)
    default, *others = (LoadableSet(load=_not_here, **each) for each in values["sets"])
    return Catalogue(EngineInfo(**values["info"]), ModelSets(default, tuple(others)))


def digest(models: ModelSets) -> str:
    """The name of the description: another one for other models."""
    return digest_of("\n".join(f"{each.name}={each.fingerprint}" for each in models.every()))


def _not_here() -> Recognizer:
    raise ModelError("the nodes of the cluster have the models, not this front end")


NO_MODELS = ModelSets(LoadableSet(load=_not_here))  # before the first node is known
