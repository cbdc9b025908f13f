"""Schemas of the request fields: limits from their constraints, defaults from the settings."""

from __future__ import annotations

from dataclasses import asdict

from ocr_engine.options import RecognitionOptions
from server.formats.registry import OUTPUT_FORMATS, join_names
from server.intake.fields import IMAGE_PART, IMAGE_URL_FIELD
from server.intake.request_fields import CONSTRAINTS, KNOWN_FIELDS
from server.intake.sources import SOURCE_FIELDS
from server.settings.constraints import Schema

_WITH_WORDS = [f"`{name}`" for name, row in OUTPUT_FORMATS.items() if "granularity" in row.implied]
_FORMAT_NOTES = [f"`{name}`: {row.meaning}" for name, row in OUTPUT_FORMATS.items() if row.meaning]
MEANINGS = {
    "file_type": "Where the image is. Inferred from the other fields if not set.",
    **{field.name: field.meaning for field in SOURCE_FIELDS},
    "block_flag": "True: the answer has the result. "
    "False: the server immediately answers 202 with the address of a job.",
    "format": f"The output format; {'; '.join(_FORMAT_NOTES)}.",
    "granularity": "The smallest parts in the result: lines, words or characters. "
    f"The default is `word` for the formats {join_names(_WITH_WORDS)}.",
    "orientation": "Degrees by which the page must be rotated clockwise to be upright. `auto`: its "
    "lines decide, if `use_angle_cls` is true. `off`: the page is read as it lies.",
    "models": "The name of a model set of this server. The default reads if none is named.",
    "preprocess": "What is done to the image before it is read: several of `denoise`, `stretch` "
    "(the contrast of the whole image), `clahe` (the contrast of each part) and `deskew`, "
    "separated by commas; in JSON also as a list.",
    "use_det": "False: do not look for lines; the whole image is one line.",
    "use_rec": "False: do not read the lines. They have no text, and the confidence of detection.",
    "timeout_ms": "The longest time that this request waits, in milliseconds. "
    "If not set, only the server's limits apply.",
    "priority": "Of this user's images, those with a higher priority are read first.",
    "deadline_seconds": "Like `timeout_ms`, but in seconds and with a higher maximum; "
    "meant for jobs.",
    "pages": "The pages of a document: numbers and ranges, separated by commas; `10-` means from "
    "page 10 on. Without it, all pages of a PDF, and the first one of a TIFF or GIF.",
    "dpi": "Pixels per inch at which pages of a PDF are drawn. A page that is one JPEG is read as "
    "it is, unless it has more than twice as many.",
    "text_layer": "The text that pages of a PDF have: `ocr` ignores it; `auto` takes it if it "
    "looks sound, and reads the page otherwise; `only` takes it in any case.",
    "password": "The password of an encrypted PDF. It is not accepted in the query string.",
    "ordered": "For the format ndjson: pages are sent in order, not as they are ready.",
    "webhook_url": "Only for jobs: a signed message is posted there when the job ends.",
    "det_limit_side_len": "The limit for `det_limit_type`, in pixels. An image is enlarged to at "
    "most 16 times its pixels, or to 0.3 million pixels if that is more.",
    "det_limit_type": "`min`: enlarge small images for detection until the short side is "
    "`det_limit_side_len`. `max`: reduce large images until the long side is at most that. "
    "`auto`: like `min`, but also reduce large images as far as detection stays as good.",
    "det_db_thresh": "Probability above which a pixel counts as text.",
    "det_db_box_thresh": "Minimum mean probability of a box.",
    "det_db_unclip_ratio": "How far boxes are enlarged, relative to area / perimeter.",
    "use_angle_cls": "Detect and rotate upside-down lines.",
    "drop_score": "Lines with a lower confidence are left out.",
    "order": "The order of the lines: `layout` reads column by column, `raster` row by row across "
    "the whole page. The default is `raster` for the format legacy, `layout` for all others.",
    "text": "How `data.text` and the format text join lines. `lines`: by line ends. `paragraphs`: "
    "without those in a paragraph. `rows`: by tabs if they are at the same height. `code`: with "
    "the blanks in front of them and between them.",
    "layout": "Add the blocks of the page to the format json: paragraphs, titles, lists, tables.",
}
# Defaults of fields that are not in the settings.
DEFAULTS = {
    "block_flag": True,
    "priority": 0,
    "format": "json",
    "text": "lines",
    "layout": False,
    "dpi": 200,
    "text_layer": "ocr",
    "ordered": False,
}


def field_schemas(defaults: RecognitionOptions, urls: bool = True) -> dict[str, Schema]:
    """The schemas of all request fields, except the image as bytes.

    urls: with the URL of an image, which is refused if that is turned off.
    """
    texts = {field.name: field.schema for field in SOURCE_FIELDS}
    given = {**DEFAULTS, **asdict(defaults), "drop_score": defaults.shown_score}
    del given["models"]  # the default set may change
    schemas = {}
    for name in KNOWN_FIELDS:
        if name == IMAGE_URL_FIELD and not urls:
            continue
        schema = dict(texts.get(name) or CONSTRAINTS[name].schema())
        schema.pop("minLength", None)  # an empty field counts as not given
        schema["description"] = MEANINGS.get(name, "")
        if name in given and given[name] != ():
            schema["default"] = given[name]
        schemas[name] = schema
    return schemas


def image_schema() -> Schema:
    """The schema of the image as bytes: a form part, or the whole body."""
    return {
        "type": "string",
        "format": "binary",
        "description": f"The image as the form part `{IMAGE_PART}`.",
    }
