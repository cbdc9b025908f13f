"""Documents that are kept: POST /documents sends one, POST /documents/ID/ocr reads it."""

from __future__ import annotations

from dataclasses import replace

from tornado.httputil import HTTPServerRequest

from server.documents.kept import KeptSource
from server.errors import BadField
from server.http.context import ServerContext
from server.http.dialects.native import NativeDialect
from server.http.request_scope import RequestScope
from server.intake.fields import Form, query_fields, unique_fields
from server.intake.request import OcrRequest
from server.intake.request_fields import (
    BODY_ONLY,
    DOCUMENT_FIELDS,
    OPTION_FIELDS,
    RENDERING_FIELDS,
    REQUEST_FIELDS,
    check_known,
    request_for,
)
from server.intake.sources import SOURCE_FIELDS

ALL_PAGES = "1-"
SENT_FIELDS = (*BODY_ONLY, *(field.name for field in SOURCE_FIELDS if field.in_ocr))
READ_FIELDS = (
    *REQUEST_FIELDS,
    *(name for name in DOCUMENT_FIELDS if name not in BODY_ONLY),
    *RENDERING_FIELDS,
    *OPTION_FIELDS,
)


class SentDocument(NativeDialect):
    """The API of POST /documents: a document, and perhaps its password."""

    def parse(self, form: Form) -> OcrRequest:
        """The document as the source of a request for all pages."""
        query_fields(self.request.query_arguments, ())
        check_known(form.fields, SENT_FIELDS)
        asked = self.parse_fields(form)
        return replace(asked, document=replace(asked.document, pages=ALL_PAGES))


class KeptDialect(NativeDialect):
    """The API of POST /documents/ID/ocr: that of POST /ocr, for a document that is kept."""

    def __init__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope, id: str
    ) -> None:
        super().__init__(context, request, scope)
        self._documents = context.documents
        self._id = id

    def may_send_document(self) -> bool:
        """See DocumentDialect: the document is there already."""
        return False

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        if form.upload:
            raise BadField("the address names the document; send the fields without a file")
        query = query_fields(self.request.query_arguments, READ_FIELDS)
        fields = unique_fields([*form.fields.items(), *query.items()])
        check_known(fields, READ_FIELDS)
        document = self._documents.kept.find(self._id, self._scope.principal.user).document
        asked = request_for(
            lambda: KeptSource(document), fields, self._defaults, self.reads_cache()
        )
        choices = replace(
            asked.document,
            pages=asked.document.pages or ALL_PAGES,
            password=document.choices.password,
        )
        return replace(asked, document=choices)
