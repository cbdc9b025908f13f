"""multipart/form-data, parsed while it arrives."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from server.errors import BadField, BadRequest, OneFileOnly, truncated
from server.intake.body_rules import OWN_RULES, BodyRules
from server.intake.fields import (
    MAX_FIELD_BYTES,
    MAX_PARTS,
    Form,
    check_name,
    decode_text,
)
from server.intake.files import FILE_PARTS, ArrivingFiles
from server.intake.lookalikes import Lookalikes
from server.intake.spooled_upload import ArrivingUpload, SpooledUpload

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class MultipartBody:
    """multipart/form-data: one part is the image, by default `file`; all others are fields.

    files: gets all parts `file` or `files`; without it, there may be one.
    """

    is_long = False

    def __init__(
        self,
        boundary: bytes,
        files: ArrivingFiles | None = None,
        rules: BodyRules = OWN_RULES,
        spool_above: int | None = None,
    ) -> None:
        self._parts = _Parts(files, rules, spool_above)
        self._lookalikes = Lookalikes(boundary, self._parts.most)
        self._parser = MultipartParser(boundary, self._parts.callbacks())

    @property
    def spooled(self) -> SpooledUpload | None:
        """See BodyReader.spooled."""
        return self._parts.spooled

    def feed(self, chunk: bytes) -> None:
        """See BodyReader.feed."""
        self._lookalikes.check(chunk, self._parser.state)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequest(f"the multipart body is broken: {error}") from None

    def finish(self) -> Form:
        """See BodyReader.finish."""
        return self._parts.form()


class _Parts:
    """What the parser of a multipart body has found so far.

    The parser refers to this object. If it referred to the MultipartBody instead, the two would be
    a reference cycle, and each image would stay in memory until the garbage collector runs.
    """

    def __init__(
        self, files: ArrivingFiles | None, rules: BodyRules, spool_above: int | None
    ) -> None:
        self.spooled: SpooledUpload | None = None
        self._spool_above = spool_above
        self._files = files
        self._rules = rules
        self._file_names = rules.image_parts if files is None else FILE_PARTS
        self.most = MAX_PARTS + (0 if files is None else files.most)
        self._fields: dict[str, str] = {}
        self._upload: bytes | SpooledUpload | None = None
        self._upload_part = ""
        self._filename = ""
        self._arriving: ArrivingUpload | None = None
        self._parts = 0
        self._ended = False
        self._header = bytearray()
        self._value = bytearray()
        self._disposition: bytes | None = None
        self._name = ""
        self._is_file = False
        self._chunks: list[memoryview] = []
        self._length = 0

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part,
            "on_end": self._on_end,
        }

    def form(self) -> Form:
        """All parts."""
        if not self._ended:
            raise BadRequest("the multipart body ends before its final boundary")
        return Form(self._fields, self._upload, self._upload_part, self._filename)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > self.most:
            raise BadRequest(f"the multipart body has more than {self.most} parts")
        self._header.clear()
        self._value.clear()
        self._disposition = None
        self._chunks = []
        self._length = 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        name, filename = _named_by(self._disposition)
        has_filename = filename is not None
        if name is None:
            raise BadRequest("a part of the multipart body has no name")
        check_name(name)
        self._name = name
        self._is_file = name in self._file_names or (has_filename and self._rules.any_file)
        self._arriving = None
        if self._is_file and self._files is not None:
            self._files.begin()
        elif self._is_file:
            self._arriving = ArrivingUpload(self._spool_above)
            self._filename = filename or ""
        if self._is_file and self._upload is not None:
            raise OneFileOnly(
                f"the request has more than one part `{self._file_names[0]}`; send one image per "
                "request"
            )
        if self._name in self._fields and not self._rules.tolerant:
            raise BadField(f"{truncated(self._name)!r} is given more than once")
        if has_filename and not self._is_file:
            raise BadField(
                f"the part with the file is named {truncated(self._name)!r}; name it "
                f"`{self._file_names[0]}`"
            )

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._length += end - start
        if self._is_file and self._files is not None and not self._has_room(self._files):
            return
        if self._arriving is not None:
            self._arriving.add(memoryview(data)[start:end])
            self.spooled = self._arriving.spooled
            return
        has_image = self._is_file or (self._files is None and self._rules.may_be_long(self._name))
        if self._length > MAX_FIELD_BYTES and not has_image:
            raise BadField(f"{truncated(self._name)!r} is longer than {MAX_FIELD_BYTES} bytes")
        self._chunks.append(memoryview(data)[start:end])  # copied once, when all are there

    def _on_part(self) -> None:
        data = b"".join(self._chunks)
        self._chunks = []
        if self._is_file and self._files is not None:
            self._files.end(data if self._length <= self._files.max_bytes else None)
        elif self._arriving is not None:
            self._upload, self._upload_part = self._arriving.complete(), self._name
            self._arriving = None
        else:
            self._fields[self._name] = decode_text(self._name, data)

    def _on_end(self) -> None:
        self._ended = True

    def _has_room(self, files: ArrivingFiles) -> bool:
        """Whether this file is still within its limit; if not, all of it is dropped."""
        fits = self._length <= files.max_bytes
        if not fits:
            self._chunks = []
        files.partial = self._length if fits else 0
        return fits


@functools.lru_cache(maxsize=256)
def _named_by(disposition: bytes | None) -> tuple[str | None, str | None]:
    """A part's name and its filename, if it has them; cached, as clients repeat the same header."""
    _, parameters = parse_options_header(disposition)
    name, filename = parameters.get(b"name"), parameters.get(b"filename")
    return (
        None if name is None else name.decode("utf-8", "replace"),
        None if filename is None else filename.decode("utf-8", "replace"),
    )
