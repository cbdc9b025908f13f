"""What agents may do: read an image, search its text, ask for a job; without the protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from ocr_engine.errors import EngineError
from ocr_engine.geometry import level_box
from ocr_engine.result import Document, Line
from server.errors import ServiceError
from server.formats.plain_text import text_of
from server.formats.rendering import TextForm

MAX_CHARACTERS = 20_000  # of a text, unless more are asked for
MOST_CHARACTERS = 1_000_000
MAX_MATCHES = 100

SourceKind = Literal["path", "image", "image_url"]
SOURCES: dict[SourceKind, str] = {
    "path": "The path of an image file.",
    "image": "The image as a data URL (data:image/png;base64,…) or as base64. Only for small "
    "images; prefer a path.",
    "image_url": "The URL of an image, if this server fetches images.",
}
ADVICE = {  # what an agent can do about an error, by its code
    "unsupported_format": "Convert the file to PNG or JPEG; render a PDF as images first.",
    "invalid_image": "The file is damaged or not complete; ask for another copy.",
    "too_many_pixels": "Reduce the image, or cut it into parts.",
    "body_too_large": "Save the image as JPEG, or reduce it.",
    "image_too_complex": "Reduce the image, or cut it into parts.",
    "queue_full": "The server is busy: wait a few seconds, then call again.",
    "rate_limited": "Wait a few seconds, then call again.",
    "quota_exceeded": "The quota of today is used up; tell the user.",
    "starting": "Wait two seconds, then call again.",
    "draining": "The server is being restarted: wait ten seconds, then call again.",
    "worker_crashed": "Call again once; if it fails again, leave this image out.",
    "backend_unavailable": "Call again later, or without `models`.",
    "queue_timeout": "Call again later.",
    "ocr_timeout": "Reduce the image, or cut it into parts.",
    "not_allowed": "This key may not do that; tell the user.",
}


class ToolError(Exception):
    """What went wrong, and what to do; for the agent. code: of docs/api.md."""

    def __init__(self, message: str, code: str = "bad_field") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The answer to a call. code: of the error; empty if there is none."""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class AskedImage:
    """An image as a tool names it: the kind of source and its value. models: as in the options."""

    kind: SourceKind
    value: str
    models: str = ""


class AgentService(Protocol):
    """What the tools need; ServiceError, EngineError or ToolError if it fails."""

    @property
    def sources(self) -> Sequence[SourceKind]:
        """The ways in which an image may be named here."""

    @property
    def has_jobs(self) -> bool:
        """Whether job() works here."""

    async def read(self, image: AskedImage) -> Document:
        """The text of an image."""

    async def job(self, job_id: str) -> tuple[Mapping[str, Any], Document | None]:
        """The state of a job, and its result if it is done."""


def tool_list(service: AgentService) -> list[dict[str, Any]]:
    """The tools with their descriptions and JSON schemas."""
    images: dict[str, Any] = {name: _text(SOURCES[name]) for name in service.sources}
    models = {"models": _text("The name of a model set; leave it out for the default.")}
    boxes = {"type": "boolean", "description": "Also give the box of each line, as JSON."}
    found = [
        {
            "name": "recognize",
            "description": "Read the text in an image. Name the image in one of these ways: "
            f"{', '.join(service.sources)}. Returns the text; with boxes=true JSON with the lines.",
            "schema": {
                **images,
                **models,
                "boxes": boxes,
                "text": {
                    "type": "string",
                    "enum": list(get_args(TextForm)),
                    "description": "How lines are joined: lines (default), paragraphs, rows (of a "
                    "table, with tabs) or code (indented).",
                },
                "max_characters": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_CHARACTERS,
                    "description": f"Cut the text after so many; {MAX_CHARACTERS} by default.",
                },
            },
        },
        {
            "name": "search_text",
            "description": "Find the lines of an image that contain a text; upper and lower case "
            "are the same. Returns each line with its number and box.",
            "schema": {"query": _text("The text to look for."), **images, **models},
            "required": ["query"],
        },
    ]
    if service.has_jobs:
        found.append(
            {
                "name": "job_status",
                "description": "The state of a job that was started with block_flag=false, and its "
                "text when it is done.",
                "schema": {"job_id": _text("The id of the job.")},
                "required": ["job_id"],
            }
        )
    return found


def reads_image(name: str) -> bool:
    """Whether the tool with this name recognizes an image."""
    return name in ("recognize", "search_text")


async def call_tool(service: AgentService, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
    """Run a tool; errors become answers that say what to do."""
    try:
        tools = {tool["name"]: tool for tool in tool_list(service)}
        if name not in tools:
            raise ToolError(f"there is no tool {name}; tools are {', '.join(tools)}")
        unknown = next((each for each in arguments if each not in tools[name]["schema"]), None)
        if unknown is not None:
            known = ", ".join(tools[name]["schema"])
            raise ToolError(f"{name} has no argument {unknown}; arguments are {known}")
        if name == "recognize":
            return ToolAnswer(await _recognize(service, arguments))
        if name == "search_text":
            return ToolAnswer(await _search(service, arguments))
        return ToolAnswer(await _job(service, arguments))
    except ToolError as error:
        return ToolAnswer(str(error), error.code)
    except (ServiceError, EngineError) as error:
        advice = ADVICE.get(error.code, "")
        return ToolAnswer(f"{error.code}: {error.message}. {advice}".rstrip(), error.code)


async def _recognize(service: AgentService, arguments: Mapping[str, Any]) -> str:
    forms: dict[Any, TextForm] = {form: form for form in get_args(TextForm)}
    form = forms.get(arguments.get("text") or "lines")
    if form is None:
        raise ToolError(f"text: expected one of {', '.join(forms)}")
    most = arguments.get("max_characters") or MAX_CHARACTERS
    if not isinstance(most, int) or not 1 <= most <= MOST_CHARACTERS:
        raise ToolError(f"max_characters: expected an integer from 1 to {MOST_CHARACTERS}")
    document = await service.read(_image(service, arguments))
    if arguments.get("boxes") is True:
        return json.dumps(_with_boxes(document, most), ensure_ascii=False)
    return _cut(text_of(document, form), most) or "no text was found in this image"


async def _search(service: AgentService, arguments: Mapping[str, Any]) -> str:
    query = arguments.get("query")
    if not isinstance(query, str) or not query.strip():
        raise ToolError("query: expected the text to look for")
    document = await service.read(_image(service, arguments))
    wanted = query.casefold().strip()
    found = [
        {"line": number, **_line(line)}
        for number, line in enumerate(document.lines, 1)
        if wanted in line.text.casefold()
    ]
    if not found:
        return f"no line of this image contains {query!r}; it has {len(document.lines)} lines"
    size = {"width": document.pages[0].width, "height": document.pages[0].height}
    more = {"more": len(found) - MAX_MATCHES} if len(found) > MAX_MATCHES else {}
    return json.dumps({**size, "matches": found[:MAX_MATCHES], **more}, ensure_ascii=False)


async def _job(service: AgentService, arguments: Mapping[str, Any]) -> str:
    job_id = arguments.get("job_id")
    if not isinstance(job_id, str) or not job_id:
        raise ToolError("job_id: expected the id of a job")
    state, document = await service.job(job_id)
    if document is None:
        return json.dumps(state, ensure_ascii=False)
    text = _cut(text_of(document, "lines"), MAX_CHARACTERS)
    return json.dumps({**state, "text": text}, ensure_ascii=False)


def _image(service: AgentService, arguments: Mapping[str, Any]) -> AskedImage:
    """The one image that the arguments name."""
    given = [name for name in service.sources if arguments.get(name)]
    if len(given) != 1:
        raise ToolError(f"name one image, as one of {', '.join(service.sources)}")
    value, models = arguments[given[0]], arguments.get("models") or ""
    if not isinstance(value, str) or not isinstance(models, str):
        raise ToolError(f"{given[0]} and models: expected text")
    return AskedImage(given[0], value, models)


def _with_boxes(document: Document, most: int) -> dict[str, Any]:
    """The lines with their boxes, of about so many characters."""
    page = document.pages[0]
    lines, left = [], most
    for line in document.lines:
        if left <= 0:
            break
        lines.append({**_line(line), "confidence": line.confidence})
        left -= len(line.text)
    shown: dict[str, Any] = {"width": page.width, "height": page.height, "lines": lines}
    if len(lines) < len(document.lines):
        shown["lines_left_out"] = len(document.lines) - len(lines)
    return shown


def _line(line: Line) -> dict[str, Any]:
    """A line with its box: left, top, right and bottom in pixels."""
    return {"text": line.text, "box": list(level_box(line.box))}


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[{len(text) - most} more characters; raise max_characters to get them]"


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}
