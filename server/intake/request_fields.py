"""From form fields to a request: its image source, options and output format."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from ocr_engine.documents.kinds import TextLayer
from ocr_engine.options import Granularity, Orientation, Preprocessing, RecognitionOptions
from server.errors import BadField, unknown_field
from server.formats.registry import FORMATS, OUTPUT_FORMATS, needs_image
from server.formats.rendering import Order, Rendering, TextForm
from server.intake.fields import Form, checked, is_given
from server.intake.page_list import PageList
from server.intake.request import DocumentChoices, ImageSource, OcrRequest
from server.intake.sources import (
    FILE_TYPE,
    FILE_TYPE_FIELD,
    SOURCE_FIELDS,
    ImageSources,
    source_of,
)
from server.settings.constraints import (
    Choice,
    Constraint,
    Flag,
    Number,
    SeveralOf,
    Text,
    WholeNumber,
)
from server.settings.model_sets import SetName
from server.settings.settings import PredictSystemSettings, constraint_of

MIN_DPI, MAX_DPI = 72, 600
_OPTIONS = (
    "det_limit_side_len",
    "det_limit_type",
    "det_db_thresh",
    "det_db_box_thresh",
    "det_db_unclip_ratio",
    "use_angle_cls",
)
OPTION_FIELDS: dict[str, Constraint] = {
    **{name: constraint_of(PredictSystemSettings, name) for name in _OPTIONS},
    "granularity": Choice(*get_args(Granularity)),
    "orientation": Choice(*get_args(Orientation)),
    "models": SetName(),
    "preprocess": SeveralOf(*get_args(Preprocessing)),
    "use_det": Flag(),
    "use_rec": Flag(),
}
RENDERING_FIELDS: dict[str, Constraint] = {
    "format": Choice(*FORMATS),
    "order": Choice(*get_args(Order)),
    "text": Choice(*get_args(TextForm)),
    "layout": Flag(),
    "drop_score": constraint_of(PredictSystemSettings, "drop_score"),
}
REQUEST_FIELDS: dict[str, Constraint] = {
    "block_flag": Flag(),
    "timeout_ms": WholeNumber(1, 3_600_000),
    "priority": WholeNumber(-100, 100),
    "deadline_seconds": Number(0.001, 604_800),
    "webhook_url": Text(),
}
DOCUMENT_FIELDS: dict[str, Constraint] = {
    "pages": PageList(),
    "dpi": WholeNumber(MIN_DPI, MAX_DPI),
    "text_layer": Choice(*get_args(TextLayer)),
    "password": Text(),
    "ordered": Flag(),
}
SIDE = WholeNumber(16, 4000)  # pixels of a page to look at
USUAL_SIDE = 1600
BODY_ONLY = ("password",)  # queries end up in the logs of proxies
_TIME_LIMITS = {"timeout_ms": 0.001, "deadline_seconds": 1.0}  # to seconds
KNOWN_FIELDS = (
    FILE_TYPE_FIELD,
    *(field.name for field in SOURCE_FIELDS),
    *REQUEST_FIELDS,
    *DOCUMENT_FIELDS,
    *RENDERING_FIELDS,
    *OPTION_FIELDS,
)
_OWN_FIELDS = {**OPTION_FIELDS, **RENDERING_FIELDS, **DOCUMENT_FIELDS}
FILE_FIELDS = (FILE_TYPE_FIELD, *(field.name for field in SOURCE_FIELDS), *_OWN_FIELDS)
COMMON_FIELDS = (
    *(name for name in REQUEST_FIELDS if name != "block_flag"),
    *DOCUMENT_FIELDS,
    *RENDERING_FIELDS,
    *OPTION_FIELDS,
)
CONSTRAINTS: dict[str, Constraint] = {
    FILE_TYPE_FIELD: FILE_TYPE,
    **REQUEST_FIELDS,
    **DOCUMENT_FIELDS,
    **RENDERING_FIELDS,
    **OPTION_FIELDS,
}
_DEFAULT = Rendering()
_NO_CHOICES = DocumentChoices()


def parse_request(
    form: Form, sources: ImageSources, defaults: RecognitionOptions, read_cache: bool = True
) -> OcrRequest:
    """Check every field; BadField names the invalid field and what would be accepted."""
    check_known(form.fields, KNOWN_FIELDS)
    return request_for(lambda: source_of(form, sources), form.fields, defaults, read_cache)


def request_for(
    source: Callable[[], ImageSource],
    fields: Mapping[str, Any],
    defaults: RecognitionOptions,
    read_cache: bool = True,
) -> OcrRequest:
    """The request with these options, whose names are known; BadField if one is invalid."""
    values = _checked_fields(fields, REQUEST_FIELDS)
    rendering = parse_rendering(fields)
    if rendering.drop_score == defaults.shown_score:
        rendering = dataclasses.replace(rendering, drop_score=None)  # as results are stored
    block = values.get("block_flag", True)
    if block and "webhook_url" in values:
        raise BadField("webhook_url is for jobs; send it with block_flag=false")
    limits = [values[name] * unit for name, unit in _TIME_LIMITS.items() if name in values]
    return OcrRequest(
        source=source(),
        options=parse_options(fields, defaults, rendering),
        block=block,
        rendering=rendering,
        timeout_seconds=min(limits) if limits else None,
        read_cache=read_cache,
        priority=values.get("priority", 0),
        webhook_url=values.get("webhook_url"),
        keep_image=needs_image(rendering.format),
        document=_document_choices(fields),
    )


def _document_choices(fields: Mapping[str, Any]) -> DocumentChoices:
    given = _checked_fields(fields, DOCUMENT_FIELDS)
    return DocumentChoices(**given) if given else _NO_CHOICES


def parse_rendering(fields: Mapping[str, Any], base: Rendering = _DEFAULT) -> Rendering:
    """The choices of rendering: fields override base."""
    asked = _checked_fields(fields, RENDERING_FIELDS)
    return dataclasses.replace(base, **asked) if asked else base


def parse_options(
    fields: Mapping[str, Any], defaults: RecognitionOptions, rendering: Rendering = _DEFAULT
) -> RecognitionOptions:
    """The recognition options: fields override the format's options, which override defaults.

    A drawing has the lines that are asked for, so there is one for each drop_score.
    """
    implied = OUTPUT_FORMATS[rendering.format].implied
    asked = {**implied, **_checked_fields(fields, OPTION_FIELDS)}
    if asked.get("use_det") is False and asked.get("use_rec") is False:
        raise BadField("use_det, use_rec: one of them must be true")
    if asked.get("use_det") is False:
        asked["max_side"] = 0  # a line may be long, and costs little
    if "draw" in implied and rendering.drop_score is not None:
        asked["shown_score"] = rendering.drop_score
    return dataclasses.replace(defaults, **asked) if asked else defaults


def parse_seconds(name: str, text: str, maximum: float) -> float:
    """A number of seconds from 0 to maximum."""
    seconds: float = checked(name, text, Number(0, maximum))
    return seconds


def own_options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that each file of a batch may have: its options and format, checked."""
    return _checked_fields(fields, _OWN_FIELDS)


def check_known(fields: Iterable[str], known: Sequence[str]) -> None:
    """BadField for a field that is not among the known ones."""
    for name in fields:
        if name not in known:
            raise BadField(unknown_field(name, known))


def _checked_fields(
    fields: Mapping[str, Any], constraints: Mapping[str, Constraint]
) -> dict[str, Any]:
    """The given fields that have a constraint, converted by it."""
    if fields.keys().isdisjoint(constraints):
        return {}
    return {
        name: checked(name, fields[name], constraint)
        for name, constraint in constraints.items()
        if name in fields and is_given(fields[name])
    }
