"""A model to be loaded: its files, their digest, and its preprocessing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ocr_engine.errors import ModelError
from ocr_engine.models.ranges import ActivationRanges

Role = Literal["det", "cls", "rec"]

# The roles in words, in the order of the pipeline.
ROLES: dict[Role, str] = {"det": "detection", "cls": "classification", "rec": "recognition"}

# PaddleOCR's default input shapes: channels, height, width.
CLS_SHAPE = (3, 48, 192)
REC_SHAPE = (3, 48, 320)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on disk: `.onnx`, or a Paddle program with its parameter file.

    stamp: what stamped() has found.
    """

    path: Path
    params: Path | None = None
    stamp: tuple[int, ...] = ()

    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return (self.path,) if self.params is None else (self.path, self.params)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """One model of the pipeline.

    sha256: digest of the model's files, concatenated.
    mean, std: per channel in BGR order, on a scale of 0 to 1.
    image_shape: (channels, height, width) of cls and rec input; None: from the model.
    stretch: cls input is stretched to image_shape instead of padded.
    characters: one for each class of rec, except blank and space; empty: from the ONNX metadata.
    ranges: those of the activations, if measured; needed for INT8.
    squeeze: rec first reads a line scaled to this fraction of its width; 1: full width only.
    reduction: factor by which the sides of a large image can be scaled without making det worse.
    """

    role: Role
    name: str
    file: ModelFile
    sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    image_shape: tuple[int, int, int] | None = None
    stretch: bool = False
    characters: tuple[str, ...] = ()
    ranges: ActivationRanges | None = None
    squeeze: float = 1.0
    reduction: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelSet:
    """The models of one pipeline by role; see model_set.

    Every set has detection and recognition; other roles are optional. Without cls no line is
    rotated.
    """

    by_role: Mapping[Role, ModelSource]

    @property
    def det(self) -> ModelSource:
        """The detection model."""
        return self.by_role["det"]

    @property
    def rec(self) -> ModelSource:
        """The recognition model."""
        return self.by_role["rec"]

    def get(self, role: Role) -> ModelSource | None:
        """The model of a role, if there is one."""
        return self.by_role.get(role)

    def with_model(self, source: ModelSource) -> ModelSet:
        """A copy with this model in its role."""
        return ModelSet({**self.by_role, source.role: source})

    def fingerprint(self) -> str:
        """A string that changes with any model file, preprocessing or dictionary."""
        digest = hashlib.sha256()
        for source in self.sources():
            digest.update(repr((source.role, source.sha256, source.mean, source.std)).encode())
            digest.update(repr((source.image_shape, source.stretch)).encode())
            digest.update(repr((source.squeeze, source.reduction)).encode())
            digest.update("\n".join(source.characters).encode())
            if source.ranges is not None:
                digest.update(source.ranges.fingerprint().encode())
        return digest.hexdigest()[:16]

    def sources(self) -> tuple[ModelSource, ...]:
        """The models in the order of the pipeline."""
        return tuple(self.by_role[role] for role in ROLES if role in self.by_role)

    def describe(self) -> str:
        """The models' names, for the log and /healthz."""
        return ", ".join(source.name for source in self.sources())


def model_set(det: ModelSource, rec: ModelSource, *others: ModelSource) -> ModelSet:
    """The model set of these models."""
    return ModelSet({source.role: source for source in (det, rec, *others)})


def digest_files(file: ModelFile) -> str:
    """SHA-256 of the model's files, concatenated; read in blocks."""
    digest = hashlib.sha256()
    for path in file.paths():
        _update(digest, path)
    return digest.hexdigest()


def stamped(file: ModelFile) -> ModelFile:
    """The file, with what differs once it is replaced; to be called before digest_files()."""
    return replace(file, stamp=_stamp(file))


def check_unchanged(file: ModelFile, sha256: str) -> None:
    """ModelError if the files are not those that had this digest; reads them only if necessary.

    To be called after loading, so that what was loaded has that digest.
    """
    try:
        if file.stamp != _stamp(file) and digest_files(file) != sha256:
            raise ModelError(
                f"{file.path} has changed since the server found it; `ocr-server models use` or a "
                "restart loads the new one"
            )
    except OSError as error:
        raise ModelError(f"{file.path} cannot be read: {error.strerror}") from None


def _stamp(file: ModelFile) -> tuple[int, ...]:
    found = [path.stat() for path in file.paths()]
    return tuple(n for each in found for n in (each.st_ino, each.st_size, each.st_mtime_ns))


def _update(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
