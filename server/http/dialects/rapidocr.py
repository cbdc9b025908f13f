"""The API of RapidOCR's server (rapidocr_api): a form with `image_file` or `image_data`."""

from __future__ import annotations

from typing import Any

from server.errors import MissingFile
from server.formats.answer import Answer, CacheOutcome
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignDialect, any_body, translated
from server.http.dialects.pages import read_pages
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader
from server.intake.fields import Form, is_given
from server.intake.request import OcrRequest

OPTIONS = {"use_det": "use_det", "use_cls": "use_angle_cls", "use_rec": "use_rec"}


class RapidOcr(ForeignDialect):
    """POST /ocr: an object with a line at each number, as text."""

    def reader(self) -> BodyReader:
        """See BodyApi."""
        return any_body(self.request.headers.get("Content-Type", ""))

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect; the file comes before the text."""
        if form.upload is not None:
            source = self.uploaded(form.upload, "the form part `image_file`")
        elif is_given(form.fields.get("image_data")):
            source = self.image(form.fields["image_data"], "image_data")
        else:
            raise MissingFile("send the image as the form part `image_file`, or in `image_data`")
        return self.ask(source, translated(form.fields, OPTIONS))

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect; without recognition there is nothing to say, as in RapidOCR's server."""
        lines = [line for page in read_pages(answer) for line in page.lines]
        if not asked.options.use_rec:
            lines = []
        body = {
            str(number): {
                "rec_txt": line.text,
                "dt_boxes": [[float(x), float(y)] for x, y in line.box],
                "score": line.confidence,
            }
            for number, line in enumerate(lines)
        }
        return self.reply(body, answer, outcome)

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi: as FastAPI writes errors of fields, and others."""
        status = problem.status
        body: dict[str, Any] = {"detail": self.message_of(problem)}
        if status == 400:
            found = {"type": problem.code, "loc": ["body"], "msg": self.message_of(problem)}
            body, status = {"detail": [found]}, 422
        reply = json_reply(body, status, problem_headers(problem))
        return reply._replace(error=problem.code)


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"ocr": Target(RapidOcr)}
