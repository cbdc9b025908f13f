"""Opens the PDF that is to be written again, or says why it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from ocr_engine.errors import DocumentBroken, DocumentEncrypted
from server.errors import PdfSigned

MOST_FIELDS = 100_000  # of a form, that are searched for signatures
_SIGNED_RIGHTS = ("/DocMDP", "/UR", "/UR3")


def open_source(path: Path) -> pikepdf.Pdf:
    """Open the PDF; DocumentBroken, DocumentEncrypted or PdfSigned if it cannot be written again.

    It is not read into memory.
    """
    try:
        pdf = pikepdf.open(path)
    except pikepdf.PasswordError:
        raise _encrypted() from None
    except pikepdf.PdfError as error:
        raise DocumentBroken(f"the PDF is broken: {_reason(error, path)}") from None
    if pdf.is_encrypted:
        raise _encrypted()
    if not len(pdf.pages):
        raise DocumentBroken("the PDF is broken: it has no pages that can be found")
    if _is_signed(pdf.Root):
        raise PdfSigned(
            "the PDF is signed, and writing it again would break the signature; ask for its text "
            "in another format"
        )
    return pdf


def _encrypted() -> DocumentEncrypted:
    return DocumentEncrypted(
        "the PDF is encrypted, and would not be any more when it is written again; "
        "send it without its encryption"
    )


def _reason(error: pikepdf.PdfError, path: Path) -> str:
    """Qpdf's message without the path of the file, which is no business of the client."""
    return str(error).replace(f"{path}: ", "").replace(str(path), "the file")


def _is_signed(root: Any) -> bool:
    permissions = root.get("/Perms")
    if isinstance(permissions, Dictionary) and any(key in permissions for key in _SIGNED_RIGHTS):
        return True
    form = root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        return False
    return any(map(_holds_signature, _fields(form.get("/Fields"))))


def _holds_signature(field: Dictionary) -> bool:
    value = field.get("/V")
    return isinstance(value, Dictionary) and (field.get("/FT") == Name.Sig or "/ByteRange" in value)


def _fields(fields: Any) -> Iterator[Dictionary]:
    """All fields of a form; a field that contains itself is visited once."""
    waiting = [fields]
    seen: set[tuple[int, int]] = set()
    while waiting and len(seen) < MOST_FIELDS:
        array = waiting.pop()
        for field in array if isinstance(array, Array) else ():
            if not isinstance(field, Dictionary) or field.objgen in seen:
                continue
            if field.is_indirect:
                seen.add(field.objgen)
            yield field
            waiting.append(field.get("/Kids"))
