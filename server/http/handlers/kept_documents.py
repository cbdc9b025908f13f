"""Documents to look at: /documents keeps one, and has its pages as images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from ocr_engine.errors import PoolDraining
from server.documents.kept import KeptDocument
from server.http.context import ServerContext
from server.http.dialects.kept import KeptDialect, SentDocument
from server.http.gate import require
from server.http.handlers.base import BaseHandler
from server.http.handlers.incoming_body import finished
from server.http.handlers.recognize import RecognizeExchange
from server.http.handlers.task_exchange import TaskExchange
from server.http.replies import Reply, json_reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import checked
from server.intake.request_fields import SIDE, USUAL_SIDE

if TYPE_CHECKING:
    from server.http.json_bodies import KeptAnswer


class SentDocumentExchange(TaskExchange):
    """Keeps a document; if the client leaves, nobody learns its id."""

    dialect: SentDocument

    async def answer(self, reader: BodyReader) -> Reply:
        """See TaskExchange."""
        if self.context.draining:
            raise PoolDraining("the server is stopping; send the document to another server")
        await self._body.flush()
        asked = self.dialect.parse(await finished(reader))
        for needed in asked.scopes:
            require(self.scope.principal, needed)
        kept = await self.context.documents.keep(asked, self.scope.principal.user)
        return json_reply(self._about(kept), 201, {"Location": self._address(kept)})

    def _address(self, kept: KeptDocument) -> str:
        return f"{self.scope.prefix}/documents/{kept.id}"

    def _about(self, kept: KeptDocument) -> KeptAnswer:
        document = kept.document
        return {
            "status": "success",
            "document": {
                "id": kept.id,
                "url": self._address(kept),
                "kind": document.kind,
                "page_count": document.page_count,
                "size": document.size,
                "md5": document.digests.md5,
                "keep_seconds": self.context.documents.kept.keep_seconds,
            },
            "request_id": self.scope.request_id,
        }


class SentDocumentRoute(Router):
    """Creates an exchange for each request; a target in the route table."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> SentDocumentExchange:
        """Called by Tornado with the arguments of the route."""
        context: ServerContext = kwargs["target_kwargs"]["context"]
        scope = RequestScope.enter(context, request)
        dialect = SentDocument(context, request, scope)
        return SentDocumentExchange(context, request, scope, dialect)


class KeptDocumentRoute(Router):
    """Creates an exchange for each request that reads a kept document."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> RecognizeExchange:
        """Called by Tornado with the arguments of the route."""
        context: ServerContext = kwargs["target_kwargs"]["context"]
        (id,) = kwargs["path_args"]
        scope = RequestScope.enter(context, request, recognition=True)
        dialect = KeptDialect(context, request, scope, id.decode())
        return RecognizeExchange(context, request, scope, dialect)


class KeptDocumentHandler(BaseHandler):
    """DELETE /documents/ID: the document is no longer needed."""

    def delete(self, id: str) -> None:
        """204, or 404 if it is not kept."""
        try:
            self.query_fields(())
            self.context.documents.kept.remove(id, self.scope.principal.user)
        except Exception as error:
            self.send_problem(error)
        else:
            self.send_empty(204)


class DocumentPageHandler(BaseHandler):
    """GET /documents/ID/pages/N: a page as an image."""

    async def get(self, id: str, page: str) -> None:
        """200 with a JPEG, 404 if the document is not kept or has no such page."""
        try:
            given = self.query_fields(("side",)).get("side")
            side = USUAL_SIDE if given is None else checked("side", given, SIDE)
            documents = self.context.documents
            document = documents.kept.find(id, self.scope.principal.user).document
            jpeg = await documents.page_jpeg(document, int(page), side)
        except Exception as error:
            self.send_problem(error)
        else:
            headers = {"Content-Type": "image/jpeg", "Cache-Control": "no-store"}
            self.send(Reply(200, headers, (jpeg,)))


SENT_DOCUMENT_ROUTE = SentDocumentRoute()
KEPT_DOCUMENT_ROUTE = KeptDocumentRoute()
