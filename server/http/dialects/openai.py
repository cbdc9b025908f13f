"""OpenAI's chat completions, for applications that read images with any vision model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.errors import BadField, MissingFile, NotFound
from server.formats.json_text import dump
from server.formats.markdown import render_markdown
from server.formats.stored import decode_result
from server.http.context import ServerContext
from server.http.dialects.dialect import ReadImage, Target, Targets
from server.http.dialects.foreign import ForeignApi, ForeignDialect
from server.http.dialects.pages import full_text, read_page
from server.http.errors import PublicError
from server.http.replies import Reply, json_reply, problem_headers
from server.intake.fields import Form
from server.intake.request import OcrRequest

MODEL = "ocr-server"
MAX_IMAGES = 16
_FILES = {"image_url": "image_url", "file": "file_data"}  # types of parts, and where the file is
_EVENTS = {"Content-Type": "text/event-stream; charset=utf-8"}
_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


_CODES = {
    "key_required": "invalid_api_key",
    "key_invalid": "invalid_api_key",
    "quota_exceeded": "insufficient_quota",
    "rate_limited": "rate_limit_exceeded",
}  # as OpenAI calls them; all others are this server's own


class OpenAiApi(ForeignApi):
    """How errors are written."""

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        kind = "server_error" if problem.status >= 500 else "invalid_request_error"
        error = {
            "message": self.message_of(problem),
            "type": _KINDS.get(problem.status, kind),
            "param": None,
            "code": _CODES.get(problem.code, problem.code),
        }
        reply = json_reply({"error": error}, problem.status, problem_headers(problem))
        return reply._replace(error=problem.code)


class ChatCompletion(OpenAiApi, ForeignDialect):
    """POST /v1/chat/completions: the text of all images and documents in the messages."""

    reads_documents = True

    _model = MODEL
    _streams = False
    _as_markdown = False

    def parse_all(self, form: Form) -> Sequence[OcrRequest]:
        """See SeveralImages; the text of the messages decides only whether Markdown is wanted."""
        fields = form.fields
        model = fields.get("model")
        if isinstance(model, str) and model:
            self._model = model
        if fields.get("n") not in (None, 1):
            raise BadField("n must be 1: an image has one text")
        self._streams = fields.get("stream") is True
        parts = list(_parts(fields.get("messages")))
        images = [(part["type"], _image_of(part)) for part in parts if part.get("type") in _FILES]
        if not images:
            raise MissingFile(
                "messages have no image; send a part {type: image_url, image_url: {url: data:…}}, "
                "or a PDF in {type: file, file: {file_data: data:…}}"
            )
        if len(images) > MAX_IMAGES:
            raise BadField(f"messages have {len(images)} images; at most {MAX_IMAGES} are accepted")
        prompt = " ".join(str(part.get("text", "")) for part in parts)
        self._as_markdown = "markdown" in prompt.lower()
        known = self._model in self.context.service.engine.models.names
        options = {"models": self._model} if known else {}
        return [self.ask(self.image(image, _FILES[kind]), options) for kind, image in images]

    def render_all(self, read: Sequence[ReadImage | PublicError]) -> Reply:
        """See SeveralImages; texts of several images have an empty line between them."""
        texts = []
        for each in read:
            if isinstance(each, PublicError):
                return self.problem(each)
            if self._as_markdown:
                pages = [decode_result(page) for page in each if page is not None]
                shown = (render_markdown(page).rstrip("\n") for page in pages)
                texts.append("\n\n".join(page for page in shown if page))
            else:
                texts.append(full_text([read_page(page) for page in each]))
        text = "\n\n".join(texts)
        return self._streamed(text) if self._streams else json_reply(self._completion(text))

    def _completion(self, text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage}

    def _streamed(self, text: str) -> Reply:
        """The events of a stream, which all come at the end: a text is known as a whole."""
        deltas: list[tuple[dict[str, Any], str | None]] = [
            ({"role": "assistant", "content": ""}, None),
            *(({"content": line}, None) for line in text.splitlines(keepends=True)),
            ({}, "stop"),
        ]
        head = self._head("chat.completion.chunk")
        events = [
            dump({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
            for delta, reason in deltas
        ]
        body = b"".join(b"data: " + event + b"\n\n" for event in (*events, b"[DONE]"))
        return Reply(200, _EVENTS, (body,))

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.scope.request_id}",
            "object": kind,
            "created": int(time.time()),
            "model": self._model,
        }


class Models(OpenAiApi):
    """GET /v1/models and /v1/models/ID: one model, as there is one text."""

    methods = ("GET", "HEAD")

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        created = int(time.time() - self.context.uptime_seconds())
        model = {"id": MODEL, "object": "model", "created": created, "owned_by": MODEL}
        if not self.arguments:
            return json_reply({"object": "list", "data": [model]})
        if self.arguments[0] != MODEL:
            raise NotFound(f"there is no model of this name; the only one is {MODEL}")
        return json_reply(model)


def _parts(messages: Any) -> Iterator[Mapping[str, Any]]:
    """The parts of all messages; a message that is a text has one."""
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise BadField("messages must be a list of objects")
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield {"type": "text", "text": content}
        elif isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))


def _image_of(part: Mapping[str, Any]) -> Any:
    if part["type"] == "image_url":
        image = part.get("image_url")
        return image.get("url") if isinstance(image, dict) else image
    file = part.get("file")
    if isinstance(file, dict) and "file_id" in file and "file_data" not in file:
        raise BadField("file_id: this server keeps no files here; send the file in file_data")
    return file.get("file_data") if isinstance(file, dict) else None


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"chat": Target(ChatCompletion, "several"), "models": Target(Models, "call")}
