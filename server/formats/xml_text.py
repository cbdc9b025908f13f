"""Text for XML documents."""

from __future__ import annotations

import re

# Characters that XML 1.0 does not allow, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Replace characters that XML does not allow with U+FFFD; `<` and `&` are not escaped."""
    return _NOT_XML.sub("\ufffd", text)
