"""A model's preprocessing, read from the inference.yml that PaddleOCR ships with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr_engine.errors import ModelError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The content of inference.yml; missing values are None or empty. Fields as in ModelSource."""

    name: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    image_shape: tuple[int, int, int] | None = None
    stretch: bool = False
    characters: tuple[str, ...] = ()


def read_recipe(folder: Path) -> Recipe:
    """Read inference.yml in the folder; an empty Recipe if there is none.

    ModelError if it is not in PaddleOCR's format.
    """
    path = folder / "inference.yml"
    if not path.is_file():
        return Recipe()
    import yaml  # costs memory, and the models of the wheels need none

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_bytes(), loader)
        return _recipe(content)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is not an inference.yml of PaddleOCR ({error})") from None


def _recipe(content: Mapping[str, Any]) -> Recipe:
    steps: dict[str, Any] = {}
    for step in (content.get("PreProcess") or {}).get("transform_ops") or []:
        steps.update(step)
    normalisation = steps.get("NormalizeImage") or {}
    rec_resize = steps.get("RecResizeImg") or {}
    cls_resize = steps.get("ResizeImage") or {}
    shape = _triple(rec_resize.get("image_shape"), int)
    if "size" in cls_resize:
        width, height = cls_resize["size"]
        shape = (3, int(height), int(width))
    characters = (content.get("PostProcess") or {}).get("character_dict") or ()
    if not isinstance(characters, list | tuple):
        raise ValueError("character_dict is not a list")
    return Recipe(
        name=(content.get("Global") or {}).get("model_name"),
        mean=_in_bgr_order(_triple(normalisation.get("mean"), float), "size" in cls_resize),
        std=_in_bgr_order(_triple(normalisation.get("std"), float), "size" in cls_resize),
        image_shape=shape,
        stretch="size" in cls_resize,
        characters=tuple(str(character) for character in characters),
    )


def _triple(values: Any, kind: type) -> Any:
    if values is None:
        return None
    first, second, third = values
    return kind(first), kind(second), kind(third)


def _in_bgr_order(values: Any, rgb: bool) -> Any:
    """PaddleOCR 3.x lists RGB values for line classifiers, BGR values for detection."""
    return values[::-1] if values is not None and rgb else values
