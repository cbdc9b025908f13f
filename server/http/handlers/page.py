"""GET /, /status, /static/…: the web pages, in memory; request paths never reach the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ocr_engine.images.header import MAX_SIDE, MOST_REDUCED, accepted_formats
from ocr_engine.options import MAX_DETECTION_SIDE
from server.errors import NotFound
from server.http.context import ServerContext
from server.http.handlers.base import BaseHandler
from server.http.replies import Reply

STATIC_FOLDER = Path(__file__).resolve().parents[2] / "static"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
}
# The address of a file changes with its content; the address of a page does not.
_KEEP = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """The content and headers of a file."""

    body: bytes
    content_type: str
    cache_control: str
    etag: str


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """All files of server/static: pages by path, other files by address.

    The folder in an address is a digest of all files, so that modules import each other from the
    same release and browsers can cache them.
    """

    pages: Mapping[str, StaticFile]
    others: Mapping[str, StaticFile]


def read_static_files(values: Mapping[str, str], folder: Path = STATIC_FOLDER) -> StaticFiles:
    """Read the folder; pages have `{{name}}` replaced by values, `{{static}}` by the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in CONTENT_TYPES)
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    digest = hashlib.sha256()
    for name, body in contents.items():
        digest.update(f"{name} {len(body)}\n".encode() + body)
    release = digest.hexdigest()[:16]
    values = {**values, "static": f"static/{release}"}
    pages, others = {}, {}
    for name, body in contents.items():
        if name.endswith(".html"):
            pages[name] = _static_file(name, _filled(body, values), _ASK_AGAIN)
        else:
            others[f"{release}/{name}"] = _static_file(name, body, _KEEP)
    return StaticFiles(pages, others)


def page_values(context: ServerContext) -> dict[str, str]:
    """The settings that the pages need."""
    ocr, options = context.settings.ocr, context.default_options
    reduced = options.det_limit_type == "max"
    return {
        "max_body_bytes": str(context.max_body_bytes),
        "max_document_bytes": str(context.documents.most_kept_bytes),
        "max_pixels": str(ocr.max_pixels),
        "max_jpeg_pixels": str(ocr.max_pixels * (MOST_REDUCED if ocr.max_side else 1)),
        "max_side": str(MAX_SIDE),
        "max_detection_side": str(options.det_limit_side_len if reduced else MAX_DETECTION_SIDE),
        "formats": " ".join(accepted_formats()),
        "box_threshold": f"{options.det_db_box_thresh:g}",
        "drop_score": f"{options.shown_score:g}",
        "max_rss_mb": str(ocr.process.max_rss_mb),
    }


class PageHandler(BaseHandler):
    """Serves one page, or with `files` the files that pages load."""

    needs = None

    def initialize(
        self, page: StaticFile | None = None, files: Mapping[str, StaticFile] | None = None
    ) -> None:
        """Called by Tornado with the arguments of the route."""
        self._page = page
        self._files = files or {}
        self.scope.quiet = files is not None

    def get(self, name: str = "") -> None:
        """200, 304 if the client already has it, or 404."""
        file = self._page or self._files.get(name)
        if file is None:
            self.send_problem(NotFound("no page has this address"))
            return
        headers = {
            **PAGE_HEADERS,
            "Cache-Control": file.cache_control,
            "Content-Type": file.content_type,
            "ETag": file.etag,
        }
        self.send_unless_known(Reply(200, headers, (file.body,)))

    head = get


def _static_file(name: str, body: bytes, cache_control: str) -> StaticFile:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return StaticFile(body, CONTENT_TYPES[Path(name).suffix], cache_control, etag)


def _filled(page: bytes, values: Mapping[str, str]) -> bytes:
    for name, value in values.items():
        page = page.replace(b"{{%b}}" % name.encode(), value.encode())
    return page
