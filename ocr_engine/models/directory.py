"""Models in folders named by the settings, in any layout that PaddleOCR has used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_engine.errors import ModelError
from ocr_engine.models.catalogue import (
    CATALOGUE,
    DEFAULT_SET,
    catalogue_source,
    read_characters,
)
from ocr_engine.models.ranges import FILE_NAME, read_ranges
from ocr_engine.models.recipe import HALF, IMAGENET_MEAN, IMAGENET_STD, Recipe, read_recipe
from ocr_engine.models.source import CLS_SHAPE, ModelFile, ModelSet, ModelSource, Role, digest_files

_LAYOUTS: tuple[tuple[str, str | None], ...] = (
    ("inference.onnx", None),
    ("inference.json", "inference.pdiparams"),
    ("inference.pdmodel", "inference.pdiparams"),
    ("model", "params"),
)
_READABLE = {
    "openvino": ("inference.onnx", "inference.pdmodel", "model"),
    "onnxruntime": ("inference.onnx",),
    "paddle": ("inference.json", "inference.pdmodel", "model"),
    "paddleocr": ("inference.onnx", "inference.json", "inference.pdmodel", "model"),
}
_SET_READABLE = {
    "PP-OCRv6_small": ("openvino", "onnxruntime", "paddleocr"),
    "PP-OCRv4_mobile": ("openvino", "paddle", "paddleocr"),
}
_EXPECTED = ", or ".join(" + ".join(filter(None, layout)) for layout in _LAYOUTS)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model settings; a folder of None means the catalogue's model."""

    set_name: str = "auto"
    det_model_dir: Path | None = None
    rec_model_dir: Path | None = None
    cls_model_dir: Path | None = None
    rec_image_shape: tuple[int, int, int] | None = None
    cls_image_shape: tuple[int, int, int] | None = None
    rec_char_dict_path: Path | None = None


def resolve_models(choice: ModelChoice, engine: str) -> ModelSet:
    """Find all models that the engine needs; ModelError names what is missing and where."""
    set_name = DEFAULT_SET[engine] if choice.set_name == "auto" else choice.set_name
    if set_name not in CATALOGUE:
        raise ModelError(
            f"ocr.models: {set_name!r} is not in the catalogue; expected auto, "
            + ", ".join(CATALOGUE)
            + "; for other models, set det_model_dir and rec_model_dir"
        )
    folders: dict[Role, Path | None] = {
        "det": choice.det_model_dir,
        "cls": choice.cls_model_dir,
        "rec": choice.rec_model_dir,
    }
    return ModelSet({r: _source(r, f, choice, engine, set_name) for r, f in folders.items()})


def _source(
    role: Role, folder: Path | None, choice: ModelChoice, engine: str, set_name: str
) -> ModelSource:
    if folder is not None:
        return directory_source(role, folder, engine, choice)
    _check_unused(role, choice)
    if engine not in _SET_READABLE[set_name]:
        raise ModelError(
            f"ocr.models: engine {engine} does not read {set_name}; "
            f"use {DEFAULT_SET[engine]} or auto"
        )
    return catalogue_source(set_name, role)


def _check_unused(role: Role, choice: ModelChoice) -> None:
    """ModelError for a shape or dictionary without a model folder: it would be ignored."""
    unused = {
        "rec_char_dict_path": role == "rec" and choice.rec_char_dict_path,
        "rec_image_shape": role == "rec" and choice.rec_image_shape,
        "cls_image_shape": role == "cls" and choice.cls_image_shape,
    }
    for key, value in unused.items():
        if value:
            raise ModelError(
                f"{key} = {value} has no effect without {role}_model_dir; set both, or neither"
            )


def directory_source(role: Role, folder: Path, engine: str, choice: ModelChoice) -> ModelSource:
    """The model in a folder, with its preprocessing from inference.yml, else from the settings.

    If neither has the characters, PaddleOCR's default is used: ppocr_keys_v1.
    """
    file = find_model(role, folder, engine)
    recipe = read_recipe(folder)
    imagenet = role == "det"
    return ModelSource(
        role=role,
        name=recipe.name or folder.resolve().name,
        file=file,
        sha256=digest_files(file),
        mean=recipe.mean or (IMAGENET_MEAN if imagenet else HALF),
        std=recipe.std or (IMAGENET_STD if imagenet else HALF),
        image_shape=_image_shape(role, recipe, choice),
        stretch=recipe.stretch,
        characters=_characters(role, file, folder, recipe, choice),
        ranges=read_ranges(folder / FILE_NAME) if (folder / FILE_NAME).is_file() else None,
    )


def find_model(role: Role, folder: Path, engine: str) -> ModelFile:
    """The model files in the folder, in the first layout that the engine reads."""
    key = f"{role}_model_dir"
    if not folder.is_dir():
        raise ModelError(f"{key}: there is no folder {folder}; expected one with {_EXPECTED}")
    unreadable = []
    for program, params in _LAYOUTS:
        if not (folder / program).is_file():
            continue
        if params is not None and not (folder / params).is_file():
            raise ModelError(f"{key}: {folder} has {program} but not {params}; both are needed")
        if program in _READABLE[engine]:
            return ModelFile(folder / program, folder / params if params else None)
        unreadable.append(program)
    if unreadable:
        raise ModelError(
            f"{key}: engine {engine} reads {', '.join(_READABLE[engine])}, but {folder} has only "
            f"{', '.join(unreadable)}; set ocr.engine to {_engines_for(unreadable[0])}"
        )
    raise ModelError(f"{key}: {folder} contains no model; expected {_EXPECTED}")


def _engines_for(program: str) -> str:
    return " or ".join(engine for engine, files in _READABLE.items() if program in files)


def _image_shape(role: Role, recipe: Recipe, choice: ModelChoice) -> tuple[int, int, int] | None:
    if role == "rec":
        return choice.rec_image_shape or recipe.image_shape
    if role == "cls":
        return choice.cls_image_shape or recipe.image_shape or CLS_SHAPE
    return None


def _characters(
    role: Role, file: ModelFile, folder: Path, recipe: Recipe, choice: ModelChoice
) -> tuple[str, ...]:
    if role != "rec":
        return ()
    if choice.rec_char_dict_path is not None:
        return read_characters(choice.rec_char_dict_path)
    if recipe.characters or file.path.suffix == ".onnx":
        return recipe.characters
    try:
        return catalogue_source("PP-OCRv4_mobile", "rec").characters
    except ModelError:
        raise ModelError(
            f"rec_char_dict_path: {folder} has no inference.yml with the characters; set the path "
            "of the model's dictionary file (one character per line)"
        ) from None
