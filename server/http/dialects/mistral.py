"""Mistral's OCR API: /v1/ocr, and the files that are uploaded for it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cache.stored_result import StoredResult
from ocr_engine.geometry import around, level_box
from ocr_engine.result import Block, Document, Page
from server.errors import BadField, MethodNotAllowed, MissingFile
from server.formats.markdown import render_markdown
from server.formats.pages import facts_of
from server.formats.stored import decode_result
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, PagedDialect, any_body
from server.http.dialects.mistral_files import KeptFile, KeptFiles
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.intake.request import ImageSource, OcrRequest

FILES = "/v1/files"
DPI = 72  # of images, which seldom say it


class MistralApi(ForeignApi):
    """How errors are written: 422 as FastAPI does, others as an object."""

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        if problem.status == 422:
            found = {
                "type": problem.code,
                "loc": ["body", "document"],
                "msg": self.message_of(problem),
            }
            body: dict[str, Any] = {"detail": [found]}
        else:
            body = {
                "object": "error",
                "message": self.message_of(problem),
                "type": problem.code,
                "param": None,
                "code": str(problem.status),
            }
        reply = json_reply(body, problem.status, problem_headers(problem))
        return reply._replace(error=problem.code)


class MistralOcr(MistralApi, PagedDialect):
    """POST /v1/ocr: Markdown for each page."""

    def __init__(self, *given: Any, files: KeptFiles) -> None:
        super().__init__(*given)
        self._files = files
        self._fields: Mapping[str, Any] = {}

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        self._fields = form.fields
        document = form.fields.get("document")
        if not isinstance(document, dict):
            raise MissingFile("document must be an object with image_url, document_url or file_id")
        return self.ask(self._source(document))

    def body(self, pages: Sequence[StoredResult | None], asked: OcrRequest, kind: str = "") -> Any:
        """See PagedDialect."""
        model = self._fields.get("model")
        return {
            "pages": [self._page(number, stored) for number, stored in enumerate(pages)],
            "model": model if isinstance(model, str) and model else "ocr-server",
            "document_annotation": None,
            "usage_info": {"pages_processed": len(pages), "doc_size_bytes": None},
        }

    def _source(self, document: Mapping[str, Any]) -> ImageSource:
        user = self.scope.principal.user
        if document.get("type") == "file" or "file_id" in document:
            file_id = document.get("file_id")
            return self.uploaded(self._files.get(user, str(file_id)).data, "the file")
        for name in ("image_url", "document_url"):
            url = document.get(name)
            url = url.get("url") if isinstance(url, dict) else url
            if isinstance(url, str):
                file_id = _file_in(url)
                if file_id is not None:
                    return self.uploaded(self._files.get(user, file_id).data, "the file")
                return self.image(url, f"document.{name}")
        raise BadField("document has no image_url, document_url or file_id")

    def _page(self, number: int, stored: StoredResult | None) -> dict[str, Any]:
        page, dpi = Page(0, 0, ()), float(DPI)
        if stored is not None:
            (page,) = decode_result(stored).pages
            dpi = facts_of(stored).get("dpi", DPI)
        shown: dict[str, Any] = {
            "index": number,
            "markdown": render_markdown(Document((page,))).rstrip("\n"),
            "images": [],
            "dimensions": {"dpi": dpi, "height": page.height, "width": page.width},
        }
        if self._fields.get("include_blocks"):
            shown["blocks"] = [_block(page, block) for block in page.blocks]
        if self._fields.get("confidence_scores_granularity"):
            scores = [line.confidence for line in page.lines]
            shown["confidence_scores"] = {
                "average_page_confidence_score": page.confidence,
                "minimum_page_confidence_score": min(scores, default=0.0),
            }
        return shown


class FilesApi(MistralApi):
    """What the calls for files share."""

    def __init__(self, *given: Any, files: KeptFiles) -> None:
        super().__init__(*given)
        self._files = files


class FileUpload(FilesApi):
    """POST /v1/files: a form with the part `file`."""

    def reader(self) -> BodyReader:
        """See BodyApi."""
        return any_body(self.request.headers.get("Content-Type", ""))

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        if not form.image:
            raise MissingFile("the form part `file` is missing or empty")
        user = self.scope.principal.user
        return json_reply(_shown(self._files.add(user, form.image, form.filename)))


class FileById(FilesApi):
    """GET and DELETE /v1/files/ID, GET /v1/files/ID/url."""

    methods = ("GET", "HEAD", "DELETE")

    async def answer(self, form: Form) -> Reply:
        """See Call; the URL serves only as a name for this server's /v1/ocr."""
        user, file_id = self.scope.principal.user, self.arguments[0]
        of_url = self.request.path.endswith("/url")
        if self.request.method == "DELETE":
            if of_url:
                raise MethodNotAllowed("DELETE is not allowed here; use GET")
            self._files.delete(user, file_id)
            return json_reply({"id": file_id, "object": "file", "deleted": True})
        file = self._files.get(user, file_id)
        if of_url:
            return json_reply({"url": self.url(f"{FILES}/{file_id}/content")})
        return json_reply(_shown(file))


def _file_in(url: str) -> str | None:
    """The id of a file in a URL that FileById has given; None for other URLs."""
    if not url.startswith(("http://", "https://")):
        return None
    _, found, rest = urlsplit(url).path.rpartition(f"{FILES}/")
    file_id, _, end = rest.partition("/")
    return file_id if found and end == "content" else None


def _block(page: Page, block: Block) -> dict[str, Any]:
    left, top, right, bottom = around(level_box(line.box) for line in block.lines)
    return {
        "type": block.type,
        "top_left_x": left,
        "top_left_y": top,
        "bottom_right_x": right,
        "bottom_right_y": bottom,
        "content": render_markdown(Document((Page(page.width, page.height, (block,)),))).rstrip(),
    }


def _shown(file: KeptFile) -> dict[str, Any]:
    return {
        "id": file.file_id,
        "object": "file",
        "bytes": len(file.data),
        "created_at": int(file.created_at),
        "expires_at": int(file.expires_at),
        "filename": file.name or "upload",
        "purpose": "ocr",
        "sample_type": "ocr_input",
        "source": "upload",
    }


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    files = KeptFiles()
    return {
        "ocr": Target(functools.partial(MistralOcr, files=files)),
        "upload": Target(functools.partial(FileUpload, files=files), "call"),
        "file": Target(functools.partial(FileById, files=files), "call"),
    }
