"""Streaming parsers of request bodies: from chunks to fields and one image, or many files.

Those of forms are in multipart_body.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from python_multipart.multipart import parse_options_header

from ocr_engine.documents.kinds import kind_of
from ocr_engine.images.header import SIGNATURE_BYTES, has_signature
from server.errors import BadRequest
from server.intake.body_rules import OWN_RULES, BodyRules
from server.intake.fields import INLINE_BYTES, Form
from server.intake.files import ArrivingFiles
from server.intake.json_files import JsonFilesBody
from server.intake.multipart_body import MultipartBody
from server.intake.spooled_upload import ArrivingUpload, SpooledUpload
from server.intake.text_bodies import parse_json, parse_urlencoded

RAW_TYPES = ("", "application/octet-stream", "application/pdf")


class BodyReader(Protocol):
    """Parses a body in chunks."""

    def feed(self, chunk: bytes) -> None:
        """Parse the next chunk; raises a ServiceError as soon as the body is invalid."""

    @property
    def is_long(self) -> bool:
        """Whether finish() takes so long that it needs a thread."""

    @property
    def spooled(self) -> SpooledUpload | None:
        """The large document in the body; flush() it before finish()."""

    def finish(self) -> Form:
        """The body as a Form; called once, after the last chunk."""


def body_reader(
    content_type: str,
    raw_image: bool,
    files: ArrivingFiles | None = None,
    rules: BodyRules = OWN_RULES,
    spool_above: int | None = None,
) -> BodyReader:
    """The reader for a Content-Type; raw_image: accept image/* and octet streams as the image.

    files: gets the files of a body that may have many. spool_above: a document of more bytes goes
    to the disk.
    """
    kind, parameters = parse_options_header(content_type)
    name = kind.decode("latin-1").lower()
    if name == "multipart/form-data":
        boundary = parameters.get(b"boundary")
        if not boundary or len(boundary) > 70:
            raise BadRequest("multipart/form-data needs a boundary of 1 to 70 characters")
        return MultipartBody(boundary, files, rules, spool_above)
    if name == "application/json":
        if files is not None:
            return JsonFilesBody(files)
        return TextBody(functools.partial(parse_json, rules=rules))
    if files is not None:
        raise BadRequest(
            f"Content-Type {name or '(none)'} is not accepted; send multipart/form-data or "
            "application/json"
        )
    if name == "application/x-www-form-urlencoded":
        return UrlencodedBody(rules)
    if raw_image and (name.startswith("image/") or name in RAW_TYPES):
        return RawBody(spool_above)
    raw = ", or the image as image/*" if raw_image else ""
    raise BadRequest(
        f"Content-Type {name or '(none)'} is not accepted; send multipart/form-data, "
        f"application/x-www-form-urlencoded or application/json{raw}"
    )


class RawBody:
    """A body that is the image."""

    is_long = False

    def __init__(self, spool_above: int | None = None) -> None:
        self._upload = ArrivingUpload(spool_above)

    @property
    def spooled(self) -> SpooledUpload | None:
        """See BodyReader.spooled."""
        return self._upload.spooled

    def feed(self, chunk: bytes) -> None:
        """See BodyReader.feed."""
        self._upload.add(chunk)

    def finish(self) -> Form:
        """See BodyReader.finish."""
        return Form({}, self._upload.complete())


class TextBody:
    """A body that is parsed when it is complete."""

    spooled: SpooledUpload | None = None

    def __init__(self, parse: Callable[[bytes], dict[str, Any]]) -> None:
        self._parse = parse
        self._chunks: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> None:
        """See BodyReader.feed."""
        self._chunks.append(chunk)
        self._length += len(chunk)

    @property
    def is_long(self) -> bool:
        """See BodyReader.is_long."""
        return self._length > INLINE_BYTES

    def finish(self) -> Form:
        """See BodyReader.finish."""
        data = b"".join(self._chunks)
        self._chunks = []
        return Form(self._parse(data))


class UrlencodedBody(TextBody):
    """A form as browsers write it; or an image, since curl's --data-binary has this type."""

    def __init__(self, rules: BodyRules = OWN_RULES) -> None:
        super().__init__(functools.partial(parse_urlencoded, rules=rules))

    @property
    def is_long(self) -> bool:
        """See BodyReader.is_long."""
        return super().is_long and not self._is_image()

    def finish(self) -> Form:
        """See BodyReader.finish."""
        return Form({}, b"".join(self._chunks)) if self._is_image() else super().finish()

    def _is_image(self) -> bool:
        starts = [chunk[:SIGNATURE_BYTES] for chunk in self._chunks[:SIGNATURE_BYTES]]
        start = b"".join(starts)
        return has_signature(start) or kind_of(start) is not None
