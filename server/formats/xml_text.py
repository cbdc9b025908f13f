"""Text that XML can carry."""

from __future__ import annotations

import re

# What XML 1.0 does not allow in a document, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The text with U+FFFD in place of characters that XML does not allow; not yet escaped."""
    return _NOT_XML.sub("\ufffd", text)
