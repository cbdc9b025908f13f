"""PDF/A-2b: drops what it forbids, and writes a file that a validator has approved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name, Pdf, Stream
from pikepdf.sanitize import Sanitizer

from server.errors import PdfaImpossible

FLAVOUR = "2b"
MOST_REASONS = 3  # in the message of an error
_FORBIDDEN_ACTIONS = {
    Name(f"/{name}")
    for name in (
        "GoTo3DView", "Hide", "ImportData", "JavaScript", "Launch", "Movie", "Rendition",
        "ResetForm", "SetOCGState", "Sound", "Trans",
    )
}  # fmt: skip
_FORBIDDEN_ANNOTATIONS = {
    Name(f"/{name}") for name in ("3D", "FileAttachment", "Movie", "RichMedia", "Screen", "Sound")
}
_TOLD = ("warning", "info")  # the levels of what pikepdf changes that somebody may miss


def save_as_pdfa(pdf: Pdf, target: Any) -> tuple[str, ...]:
    """Write the PDF to a path or a stream as PDF/A-2b, and say what it has lost.

    PdfaImpossible if the validator does not approve of the file; nothing is written then.
    """
    try:
        from pikepdf import pdfa
    except ImportError:
        raise PdfaImpossible(
            "this server cannot write PDF/A: it lacks the packages of requirements/pdfa.txt; "
            "ask for format=pdf"
        ) from None
    changes = [*_dropped(pdf)]
    try:
        report = pdfa.save(pdf, target, FLAVOUR, deterministic_id=True)
    except pdfa.PdfaError as error:
        reasons = dict.fromkeys(finding.message for finding in error.report.findings)
        told = "; ".join([*reasons][:MOST_REASONS])
        more = f" (and {len(reasons) - MOST_REASONS} more)" if len(reasons) > MOST_REASONS else ""
        raise PdfaImpossible(
            f"this cannot be made PDF/A-2b: {told}{more}; ask for format=pdf"
        ) from None
    prepared = report.prepared
    if prepared is not None:
        changes += [text for level, text in prepared.messages() if level in _TOLD]
    return tuple(changes)


def _dropped(pdf: Pdf) -> Iterator[str]:
    """Drop what PDF/A-2b forbids, if it is there; yields what was dropped."""
    root = pdf.Root
    if attachments := len(pdf.attachments):
        yield _count(attachments, "attachment")
    if root.get("/Collection") is not None:
        yield "dropped: the view as a portfolio"
    sanitizer = Sanitizer().remove_javascript().remove_multimedia().remove_attachments()
    actions, annotations = _without_actions(pdf), _without_annotations(pdf)
    sanitizer.remove_collection().remove_private_app_data().remove_web_capture().apply(pdf)
    if actions:
        yield _count(actions, "action")
    if annotations:
        yield _count(annotations, "annotation") + " with sound, video or files"
    for key in ("/Perms", "/Requirements", "/AA"):
        if key in root:
            del root[key]
    if "/AcroForm" in root:
        pdf.generate_appearance_streams()
        pdf.flatten_annotations()
        if "/AcroForm" in root:
            del root["/AcroForm"]
        yield "converted: the form is drawn, and cannot be filled in"


def _count(number: int, what: str) -> str:
    return f"dropped: {number} {what}{'' if number == 1 else 's'}"


def _without_actions(pdf: Pdf) -> int:
    """Remove actions that PDF/A forbids; returns how many objects had some."""
    found = 0
    for each in (*pdf.objects, *(page.obj for page in pdf.pages), *_annotations(pdf)):
        if not isinstance(each, Dictionary) or isinstance(each, Stream):
            continue
        if "/AA" in each:
            del each["/AA"]
            found += 1
        for key in ("/A", "/OpenAction"):
            action = each.get(key)
            if isinstance(action, Dictionary) and action.get("/S") in _FORBIDDEN_ACTIONS:
                del each[key]
                found += 1
    return found


def _annotations(pdf: Pdf) -> Iterator[Dictionary]:
    for page in pdf.pages:
        annotations = page.obj.get("/Annots")
        if isinstance(annotations, pikepdf.Array):
            yield from (each for each in annotations if isinstance(each, Dictionary))


def _without_annotations(pdf: Pdf) -> int:
    """Remove annotations of kinds that PDF/A forbids; returns how many there were."""
    found = 0
    for page in pdf.pages:
        annotations = page.obj.get("/Annots")
        if not isinstance(annotations, pikepdf.Array):
            continue
        kept = [each for each in annotations if not _is_forbidden(each)]
        if len(kept) < len(annotations):
            found += len(annotations) - len(kept)
            page.obj["/Annots"] = pikepdf.Array(kept)
    return found


def _is_forbidden(annotation: Any) -> bool:
    return (
        isinstance(annotation, Dictionary) and annotation.get("/Subtype") in _FORBIDDEN_ANNOTATIONS
    )
