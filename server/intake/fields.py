"""Form fields of any body type, with limits on their number and length; no duplicates."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from server.errors import BadField, BadRequest, truncated
from server.settings.constraints import Constraint

if TYPE_CHECKING:
    from server.intake.spooled_upload import SpooledUpload

IMAGE_PART = "file"
BASE64_FIELD = "image"
IMAGE_URL_FIELD = "image_url"
LIST_FIELDS = ("preprocess",)  # in JSON they may be lists of strings
MAX_PARTS = 32
MAX_NAME_CHARACTERS = 64
MAX_FIELD_BYTES = 4096
INLINE_BYTES = 64 << 10  # longer data is parsed, decoded or encoded in a thread


@dataclass(frozen=True, slots=True)
class Form:
    """The content of a body; values are strings, or from JSON: scalars and short lists.

    upload: the image, if it was sent as bytes; a large document is in a file. part: the name of the
    form part that it was sent in. filename: that of the file, as the client gave it.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    upload: bytes | SpooledUpload | None = None
    part: str = ""
    filename: str = ""

    @property
    def image(self) -> bytes | None:
        """The upload of an API that accepts no large documents, so that it is in memory."""
        assert self.upload is None or isinstance(self.upload, bytes)
        return self.upload


def unique_fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of the pairs; the error names a field that is repeated or whose name is too long."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        check_name(name)
        if name in fields:
            raise BadField(f"{truncated(name)!r} is given more than once")
        if len(fields) == MAX_PARTS:
            raise BadRequest(f"the request has more than {MAX_PARTS} fields")
        fields[name] = value
    return fields


def query_fields(
    arguments: Mapping[str, Sequence[bytes]], known: Collection[str]
) -> dict[str, str]:
    """The parameters of a query string; BadField if one is unknown, repeated or not UTF-8."""
    if not arguments:
        return {}
    pairs = [(name, value) for name, values in arguments.items() for value in values]
    fields = {}
    for name, value in unique_fields(pairs).items():
        if name not in known:
            raise BadField(
                f"unknown parameter {truncated(name)!r}; accepted are {', '.join(known)}"
            )
        fields[name] = decode_text(name, value)
    return fields


def is_given(value: Any) -> bool:
    """Whether a field has a value: null and empty text mean the same as leaving it out."""
    return value is not None and value != ""


def check_name(name: str) -> None:
    """BadField for a name that is too long."""
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadField(
            f"the field name {truncated(name)!r} has {len(name)} characters; "
            f"at most {MAX_NAME_CHARACTERS} are accepted"
        )


def check_length(name: str, value: Any) -> None:
    """BadField for a value that is too long; base64 is limited only by the body."""
    if name != BASE64_FIELD and isinstance(value, str) and len(value) > MAX_FIELD_BYTES:
        raise BadField(f"{truncated(name)!r} is longer than {MAX_FIELD_BYTES} bytes")


def decode_text(name: str, data: bytes) -> str:
    """The value of a field as a string; BadField if it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadField(f"{truncated(name)!r} is not UTF-8 text") from None


def checked(name: str, value: Any, constraint: Constraint) -> Any:
    """The value of a field, converted by its constraint; BadField if it is invalid."""
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("expected a finite number")
        return constraint(value)
    except ValueError as error:
        raise BadField(f"{name} = {truncated(value)}: {error}") from None
