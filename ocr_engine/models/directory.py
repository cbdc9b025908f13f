"""Models in folders named by the settings, in any layout that PaddleOCR has used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocr_engine.errors import ModelError, listed
from ocr_engine.models.catalogue import (
    CATALOGUE,
    DEFAULT_SET,
    catalogue_source,
    read_characters,
)
from ocr_engine.models.ranges import FILE_NAME, read_ranges
from ocr_engine.models.recipe import HALF, IMAGENET_MEAN, IMAGENET_STD, Recipe, read_recipe
from ocr_engine.models.source import (
    CLS_SHAPE,
    ModelFile,
    ModelSet,
    ModelSource,
    Role,
    digest_files,
    stamped,
)

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
    "PP-OCRv6_tiny": ("openvino", "onnxruntime", "paddleocr"),
    "PP-OCRv4_mobile": ("openvino", "paddle", "paddleocr"),
}
# The keys that describe the model in a role's folder.
_DESCRIBED_BY: dict[Role, tuple[str, ...]] = {
    "det": (),
    "cls": ("cls_image_shape",),
    "rec": ("rec_image_shape", "rec_char_dict_path"),
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
    sources: dict[Role, ModelSource] = {}
    problems: list[str] = []
    for role, folder in folders.items():
        try:
            sources[role] = _source(role, folder, choice, engine, set_name)
        except ModelError as error:
            problems.append(error.message)
    if problems:
        distinct = [*dict.fromkeys(problems), *_missing_dictionary(choice)]
        separator = "; " if len(distinct) == 1 else "\n  "
        raise ModelError(separator.join((listed(distinct), *_how_to_leave_out(choice))))
    return ModelSet(sources)


def _missing_dictionary(choice: ModelChoice) -> list[str]:
    """The problem of a missing dictionary, if the folder of its model is missing, too."""
    path, folder = choice.rec_char_dict_path, choice.rec_model_dir
    if path is None or folder is None or folder.is_dir() or path.is_file():
        return []
    return [f"rec_char_dict_path: there is no file {path}"]


def _how_to_leave_out(choice: ModelChoice) -> list[str]:
    """Which keys to remove, if a model folder is missing."""
    keys = []
    for role, described in _DESCRIBED_BY.items():
        folder = getattr(choice, f"{role}_model_dir")
        if folder is not None and not folder.is_dir():
            keys += [key for key in (f"{role}_model_dir", *described) if getattr(choice, key)]
    if not keys:
        return []
    return [f"to use the models of the installation, leave out {', '.join(keys)}"]


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
    unused = [key for key in _DESCRIBED_BY[role] if getattr(choice, key)]
    if unused:
        given = " and ".join(f"{key} = {getattr(choice, key)}" for key in unused)
        raise ModelError(f"{given}: no effect without {role}_model_dir; set both, or neither")


def directory_source(role: Role, folder: Path, engine: str, choice: ModelChoice) -> ModelSource:
    """The model in a folder, with its preprocessing from inference.yml, else from the settings.

    If neither has the characters, PaddleOCR's default is used: ppocr_keys_v1.
    """
    file = stamped(find_model(role, folder, engine))
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
        raise ModelError(f"{key}: there is no folder {folder}")
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
