"""The API of PaddleOCR 2.x under PaddleHub Serving: /predict/ocr_system and its parts.

It always answers 200; `status` says whether the call has succeeded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.errors import BadField, MissingFile
from server.http.context import ServerContext
from server.http.dialects.dialect import ReadImage, Target, Targets
from server.http.dialects.foreign import ForeignDialect
from server.http.dialects.pages import ReadLine, read_page
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.fields import Form
from server.intake.request import OcrRequest

MAX_IMAGES = 32
_OF_THE_IMAGE = (413, 415, 422)  # statuses: other images of the request are read nevertheless

Shown = Callable[[ReadLine], dict[str, Any]]


class HubCall(ForeignDialect):
    """One call: each image becomes a list of objects.

    fields: options of the recognition. shown: writes a line. flat: all images are one list, as an
    image has one line.
    """

    reads_documents = False

    def __init__(self, *given: Any, fields: Mapping[str, Any], shown: Shown, flat: bool) -> None:
        super().__init__(*given)
        self._fields = fields
        self._shown = shown
        self._flat = flat

    def parse_all(self, form: Form) -> Sequence[OcrRequest]:
        """See SeveralImages."""
        images = form.fields.get("images")
        if not isinstance(images, list) or not images:
            raise MissingFile("images must be a list of images in base64")
        if len(images) > MAX_IMAGES:
            raise BadField(f"images has {len(images)} images; at most {MAX_IMAGES} are accepted")
        return [self.ask(self.image(image, "images"), self._fields) for image in images]

    def render_all(self, read: Sequence[ReadImage | PublicError]) -> Reply:
        """See SeveralImages; images that cannot be read have no lines, and a reason in `msg`."""
        failed = [each for each in read if isinstance(each, PublicError)]
        for problem in failed:
            if problem.status not in _OF_THE_IMAGE:
                return self.problem(problem)
        results = [[] if isinstance(each, PublicError) else self._lines(each) for each in read]
        if self._flat:
            results = [[line for lines in results for line in lines[:1]]]
        reasons = [
            f"images[{number}]: {self.message_of(each)}"
            for number, each in enumerate(read)
            if isinstance(each, PublicError)
        ]
        reply = json_reply({"msg": "; ".join(reasons), "results": results, "status": "000"})
        return reply._replace(error=failed[0].code) if len(failed) == len(read) else reply

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        status = "112" if problem.code == "bad_request" else "101"
        body = {"msg": self.message_of(problem), "results": "", "status": status}
        return json_reply(body, headers=problem_headers(problem))._replace(error=problem.code)

    def _lines(self, image: ReadImage) -> list[dict[str, Any]]:
        return [self._shown(line) for page in map(read_page, image) for line in page.lines]


def _whole(line: ReadLine) -> dict[str, Any]:
    return {"text": line.text, "confidence": line.confidence, "text_region": line.box}


def _region(line: ReadLine) -> dict[str, Any]:
    return {"text_region": line.box}


def _text(line: ReadLine) -> dict[str, Any]:
    return {"text": line.text, "confidence": line.confidence}


def _angle(line: ReadLine) -> dict[str, Any]:
    """Whether the line is upside down: its characters then run from right to left."""
    upside_down = bool(line.parts) and line.parts[0]["box"][0][0] > line.parts[-1]["box"][0][0]
    return {"angle": "180" if upside_down else "0", "confidence": line.confidence}


def _target(shown: Shown, flat: bool = False, **fields: Any) -> Target:
    return Target(functools.partial(HubCall, fields=fields, shown=shown, flat=flat), kind="several")


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {
        "system": _target(_whole),
        "det": _target(_region, use_rec=False),
        "rec": _target(_text, flat=True, use_det=False),
        "cls": _target(_angle, flat=True, use_det=False, granularity="char"),
    }
