"""A JSON body with many files: {"files": [{…}, …], …}, split while it arrives.

Each object in a list of the outermost object is taken out and parsed on its own, so that only one
of them is in memory. A zero takes its place in the rest, which is parsed at the end. The splitter
only looks for quotes and brackets; whether the body is JSON is checked by the parser.
"""

from __future__ import annotations

import json
import re
from typing import Any

from server.errors import BadField, BadRequest
from server.intake.fields import MAX_FIELD_BYTES, MAX_PARTS, Form, unique_fields
from server.intake.files import ArrivingFiles
from server.intake.text_bodies import check_scalars

FILES_FIELD = "files"
MAX_MARKS = 10 * MAX_PARTS  # quotes and brackets of one object; a field has at most four
MAX_REST_BYTES = MAX_PARTS * MAX_FIELD_BYTES

_MARK = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_IN_LIST = b"{["  # the open brackets around a file
_PLACEHOLDER = b"0"


class JsonFilesBody:
    """Reads such a body; see BodyReader."""

    is_long = False
    spooled = None

    def __init__(self, files: ArrivingFiles) -> None:
        self._files = files
        self._max_bytes = files.max_bytes * 3 // 2 + MAX_REST_BYTES  # base64 with escapes
        self._open = bytearray()  # the brackets that are open
        self._in_string = False
        self._escaped = False  # the last byte was a backslash
        self._in_file = False
        self._pieces: list[bytes] | None = []  # of the file; None: it is too large
        self._rest = bytearray()
        self._marks = 0

    def feed(self, chunk: bytes) -> None:
        """See BodyReader.feed."""
        copied = place = 0
        if self._escaped:
            self._escaped, place = False, 1
        while place < len(chunk):
            if self._in_string:
                place = self._skip_string(chunk, place)
                continue
            found = _MARK.search(chunk, place)
            if found is None:
                break
            place = found.end()
            mark = found[0]
            self._count_mark()
            if mark == b'"':
                self._in_string = True
            elif mark in (b"{", b"["):
                if mark == b"{" and self._open == _IN_LIST:
                    self._keep(chunk[copied : found.start()])
                    copied = found.start()
                    self._begin_file()
                self._open += mark
            else:
                del self._open[-1:]
                if self._in_file and self._open == _IN_LIST:
                    self._keep(chunk[copied:place])
                    copied = place
                    self._end_file()
        self._keep(chunk[copied:])

    def finish(self) -> Form:
        """See BodyReader.finish; the fields besides the files."""
        try:
            values = json.loads(bytes(self._rest), object_pairs_hook=unique_fields)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise BadRequest("the JSON body must be an object")
        files: Any = values.pop(FILES_FIELD, [])
        if files != [0] * self._files.begun:
            raise BadField(
                f"{FILES_FIELD} must be a list of objects, each with `image` or `filename`"
            )
        check_scalars(values)
        return Form(values)

    def _skip_string(self, chunk: bytes, place: int) -> int:
        """The place after the string, or after the part of the string that is in this chunk."""
        found = _STRING.match(chunk, place)
        assert found is not None  # it matches nothing, too
        place = found.end()
        if place == len(chunk):
            return place
        if chunk[place] == ord('"'):
            self._in_string = False
            self._count_mark()
        else:
            self._escaped = True
        return place + 1

    def _count_mark(self) -> None:
        self._marks += 1
        if self._marks > MAX_MARKS:
            raise BadRequest(
                f"the JSON body has more than {MAX_MARKS} quotes and brackets outside of its files "
                f"or in one of them; objects of at most {MAX_PARTS} fields are accepted"
            )

    def _begin_file(self) -> None:
        self._files.begin()
        self._rest += _PLACEHOLDER
        self._in_file = True
        self._pieces = []
        self._marks = 0

    def _end_file(self) -> None:
        data = None if self._pieces is None else b"".join(self._pieces)
        self._files.end(data, is_json=True)
        self._in_file = False
        self._pieces = []
        self._marks = 0

    def _keep(self, piece: bytes) -> None:
        """Keep a piece of the file, or of the rest."""
        if not self._in_file:
            self._rest += piece
            if len(self._rest) > MAX_REST_BYTES + 8 * self._files.begun:
                raise BadRequest(
                    f"the JSON body has more than {MAX_REST_BYTES} bytes besides its files"
                )
        elif self._pieces is not None:
            self._files.partial += len(piece)
            if self._files.partial > self._max_bytes:
                self._pieces, self._files.partial = None, 0
            else:
                self._pieces.append(piece)
