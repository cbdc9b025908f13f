"""What a body may contain: strict for this server's own APIs, tolerant for other servers' APIs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.intake.fields import BASE64_FIELD, IMAGE_PART


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What the parsers of bodies accept.

    image_parts: form parts that are the image. any_file: so is every part with a file name.
    long_fields: fields whose length is limited only by the body, as images in base64. marks: a JSON
    object with one of these fields belongs to another API, and is tolerated. tolerant: fields may
    be repeated (the last one counts) or nested, and have any length.
    """

    image_parts: tuple[str, ...] = (IMAGE_PART,)
    any_file: bool = False
    long_fields: tuple[str, ...] = (BASE64_FIELD,)
    marks: tuple[str, ...] = ()
    tolerant: bool = False

    def tolerates(self, has: Callable[[str], bool]) -> bool:
        """Whether an object belongs to another API; has: whether it has this field."""
        return self.tolerant or any(has(mark) for mark in self.marks)

    def may_be_long(self, name: str) -> bool:
        """Whether only the size of the body limits this field."""
        return self.tolerant or name in self.long_fields


OWN_RULES = BodyRules()
TOLERANT_RULES = BodyRules(any_file=True, tolerant=True)
