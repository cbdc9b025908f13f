"""The request of a job as it is stored, and the image source that reads its input."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from cache.keys import Digests
from ocr_engine.documents.kinds import Kind
from ocr_engine.options import RecognitionOptions, options_from_json
from server.formats.rendering import Format, Rendering
from server.intake.request import DocumentChoices, ImageBytes, ImageSource, OcrRequest
from server.principal import Scope


class StoredImage:
    """The input of a job; see ImageSource. read: gets it from the blob store."""

    scope: Scope = "read"

    def __init__(self, size: int, digests: Digests, read: Callable[[], Awaitable[bytes]]) -> None:
        self._size = size
        self._digests = digests
        self._read = read

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource."""
        return self._digests

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return self._size

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource."""
        return ImageBytes(await self._read(), self._digests)

    def close(self) -> None:
        """See ImageSource."""


@dataclasses.dataclass(frozen=True, slots=True)
class StoredDocument:
    """What is stored of a document. page_count: of all of it."""

    kind: Kind
    page_count: int
    choices: DocumentChoices


def stored(request: OcrRequest, document: StoredDocument | None = None) -> str:
    """What must be known of a request to recognize its image and answer later, as JSON.

    document: if its input is one.
    """
    values: dict[str, Any] = {
        "options": dataclasses.asdict(request.options),
        "read_cache": request.read_cache,
        "rendering": dataclasses.asdict(request.rendering),
    }
    if document is not None:
        values["document"] = dataclasses.asdict(document)
    return json.dumps(values)


def document_in(text: str) -> StoredDocument | None:
    """What a stored request says of its document; None if its input is an image."""
    values = json.loads(text).get("document") if text else None
    if values is None:
        return None
    choices = DocumentChoices(**_known(DocumentChoices, values["choices"]))
    return StoredDocument(values["kind"], values["page_count"], choices)


def without_password(text: str) -> str:
    """A stored request whose document is not opened any more."""
    values = json.loads(text)
    values["document"]["choices"].pop("password", None)
    return json.dumps(values)


def rendering_of(text: str, format: Format) -> Rendering:
    """How the result is to be written; earlier versions stored only its format.

    text: empty for an expired job, whose request is no longer known.
    """
    values = json.loads(text).get("rendering", {}) if text else {}
    return Rendering(**{**_known(Rendering, values), "format": format})


def restored(text: str, source: ImageSource, timeout_seconds: float | None) -> OcrRequest:
    """The request; unknown options are ignored, and options that are missing have defaults."""
    values: dict[str, Any] = json.loads(text)
    return OcrRequest(
        source,
        options_from_json(_known(RecognitionOptions, values["options"])),
        block=False,
        timeout_seconds=timeout_seconds,
        read_cache=values["read_cache"],
    )


def _known(
    kind: type[RecognitionOptions | Rendering | DocumentChoices], values: dict[str, Any]
) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in known}
