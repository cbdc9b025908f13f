"""Schemas of the request fields: limits from their constraints, defaults from the settings."""

from __future__ import annotations

from dataclasses import asdict

from ocr_engine.options import RecognitionOptions
from server.formats.registry import OUTPUT_FORMATS, in_words
from server.intake.fields import IMAGE_PART
from server.intake.request_fields import CONSTRAINTS, KNOWN_FIELDS
from server.intake.sources import SOURCE_FIELDS
from server.settings.constraints import Schema

_WITH_WORDS = [f"`{name}`" for name, row in OUTPUT_FORMATS.items() if "granularity" in row.implied]
_FORMAT_NOTES = [f"`{name}`: {row.meaning}" for name, row in OUTPUT_FORMATS.items() if row.meaning]
MEANINGS = {
    "file_type": "Where the image is. Left out, it is told from what is there.",
    **{field.name: field.meaning for field in SOURCE_FIELDS},
    "block_flag": "True: the answer comes when the text is there. "
    "False: the answer is a 202 at once, with the address of a job.",
    "format": f"How a result is written; {'; '.join(_FORMAT_NOTES)}.",
    "granularity": "How fine the boxes are: lines, or each line with its words or characters, too. "
    f"`word` with the formats {in_words(_WITH_WORDS)}, if left out.",
    "timeout_ms": "How many milliseconds this request waits at most; no limit of its own, "
    "if left out.",
    "det_limit_side_len": "Pixels, the limit for `det_limit_type`; enlarging ends at 16 times the "
    "image's pixels, or at 0.3 million if that is more.",
    "det_limit_type": "`min`: small images are enlarged for detection until their short side has "
    "`det_limit_side_len`. `max`: large ones are reduced until their long side has no more. "
    "`auto`: as `min`, and large images are reduced as far as the model finds lines as well.",
    "det_db_thresh": "Probability above which a pixel counts as text.",
    "det_db_box_thresh": "Mean probability that a box needs.",
    "det_db_unclip_ratio": "How far a box is grown, relative to its area / perimeter.",
    "use_angle_cls": "Turn lines that stand on their head.",
    "drop_score": "Lines read with less confidence are left out.",
}
# `format` and the like begin with these; the settings have no say.
DEFAULTS = {"block_flag": True, "format": "json"}


def field_schemas(defaults: RecognitionOptions) -> dict[str, Schema]:
    """Every field that a request may have, but the image itself as bytes."""
    texts = {field.name: field.schema for field in SOURCE_FIELDS}
    given = {**DEFAULTS, **asdict(defaults)}
    schemas = {}
    for name in KNOWN_FIELDS:
        schema = dict(texts.get(name) or CONSTRAINTS[name].schema())
        schema["description"] = MEANINGS.get(name, "")
        if name in given:
            schema["default"] = given[name]
        schemas[name] = schema
    return schemas


def image_schema() -> Schema:
    """The image as bytes; the part of a form, or a whole body."""
    return {
        "type": "string",
        "format": "binary",
        "description": f"The image, as the part `{IMAGE_PART}`.",
    }
