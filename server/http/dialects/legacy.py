"""POST /ocr_service: the legacy API of the original OCRWebServer (2021)."""

from __future__ import annotations

from server.errors import BadField
from server.http.dialects.native import OwnDialect
from server.intake.body import BodyReader, body_reader
from server.intake.fields import Form
from server.intake.request import OcrRequest


class LegacyDialect(OwnDialect):
    """The fields file_type, filename, block_flag and the options, all in the body."""

    def reader(self) -> BodyReader:
        """See Dialect."""
        return body_reader(self.content_type, raw_image=False, spool_above=self.spool_above)

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect; refuses a query string, which would otherwise be silently ignored."""
        if self.request.query:
            raise BadField("send the fields in the body, not in the query string")
        return self.parse_fields(form)
