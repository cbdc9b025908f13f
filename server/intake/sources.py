"""The fields that contain or name an image, and the image source of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.errors import BadField, MissingFile, OneFileOnly
from server.intake.base64_image import Base64Image
from server.intake.fields import (
    BASE64_FIELD,
    IMAGE_PART,
    IMAGE_URL_FIELD,
    MAX_FIELD_BYTES,
    Form,
    checked,
    is_given,
)
from server.intake.file_roots import FileRoots, RootedFile
from server.intake.request import ImageSource
from server.intake.spooled_upload import SpooledImage, SpooledUpload
from server.intake.uploaded_image import KnownDigests, UploadedImage
from server.outbound.guard import MAX_URL_CHARACTERS
from server.settings.constraints import Choice, Constraint, Schema
from server.settings.settings import Settings

if TYPE_CHECKING:
    from server.intake.image_url import ImageFetcher
    from server.outbound.http_get import Reserve

TURNED_OFF = (
    f"{IMAGE_URL_FIELD}: this server does not fetch images; send the image itself. Its operator "
    "can allow it with image_urls.enabled"
)


class ImageSources:
    """Creates image sources. known: looks up the digests of recent images.

    fetcher: fetches images by URL; None: that is turned off.
    """

    def __init__(
        self,
        files: FileRoots,
        max_bytes: int,
        known: KnownDigests,
        fetcher: ImageFetcher | None = None,
    ) -> None:
        self._files = files
        self._max_bytes = max_bytes
        self._known = known
        self._fetcher = fetcher

    @property
    def accepts_urls(self) -> bool:
        """Whether url() returns a source; otherwise it raises BadField."""
        return self._fetcher is not None

    def uploaded(self, upload: bytes | SpooledUpload) -> ImageSource:
        """An image that was sent as bytes."""
        if isinstance(upload, SpooledUpload):
            return SpooledImage(upload, self._max_bytes)
        return UploadedImage(upload, self._known)

    def base64(self, text: str, field: str = BASE64_FIELD) -> ImageSource:
        """An image that was sent as base64 text in this field."""
        return Base64Image(text, self._max_bytes, self._known, field)

    def rooted_file(self, path: str) -> ImageSource:
        """An image file on the server."""
        return RootedFile(self._files, path)

    def url(self, url: str) -> ImageSource:
        """An image on another server; BadField if URLs are turned off."""
        if self._fetcher is None:
            raise BadField(TURNED_OFF)
        from server.intake.image_url import UrlImage

        return UrlImage(self._fetcher, url, self._known)


@dataclass(frozen=True, slots=True)
class SourceField:
    """A text field that contains or names an image.

    file_type: its name in the field `file_type`. content: what to put in it, for messages.
    in_ocr: POST /ocr accepts it, too. meaning, schema: for the API's description. source: creates
    the image source from its text.
    """

    name: str
    file_type: str
    content: str
    in_ocr: bool
    meaning: str
    schema: Schema
    source: Callable[[ImageSources, str], ImageSource]


SOURCE_FIELDS = (
    SourceField(
        name="filename",
        file_type="filename",
        content="the path of an image on the server",
        in_ocr=False,
        meaning="The path of an image on the server, inside one of its `filename_roots`.",
        schema={
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_FIELD_BYTES,
            "examples": ["sign.jpg"],
        },
        source=ImageSources.rooted_file,
    ),
    SourceField(
        name=BASE64_FIELD,
        file_type="base64",
        content="the image as base64",
        in_ocr=True,
        meaning="The image in base64, with or without a `data:image/png;base64,` prefix. The "
        "standard and the URL-safe alphabet are accepted, line breaks and indentation.",
        schema={"type": "string", "format": "byte", "minLength": 1},
        source=ImageSources.base64,
    ),
    SourceField(
        name=IMAGE_URL_FIELD,
        file_type="url",
        content="the URL of an image",
        in_ocr=True,
        meaning="The URL of an image on another server, from which this server fetches it. Only if "
        "the operator allows it (`image_urls.enabled`).",
        schema={
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_URL_CHARACTERS,
            "examples": ["https://example.com/page.png"],
        },
        source=ImageSources.url,
    ),
)
FILE_TYPE_FIELD = "file_type"
FILE_TYPE: Constraint = Choice("file", *(field.file_type for field in SOURCE_FIELDS))


def build_sources(
    settings: Settings, max_bytes: int, known: KnownDigests, reserve: Reserve
) -> ImageSources:
    """The sources that the settings allow; max_bytes: limit for an image. reserve: see get()."""
    roots = [settings.resolve(root) for root in settings.web_server.filename_roots]
    fetcher = None
    if settings.image_urls.enabled:
        from server.intake.image_url import ImageFetcher  # costs nothing while it is off

        fetcher = ImageFetcher(settings.image_urls, max_bytes, reserve)
    max_document_bytes = int(settings.documents.max_body_mb * (1 << 20))
    files = FileRoots(roots, max_bytes, max_document_bytes)
    return ImageSources(files, max_bytes, known, fetcher)


def source_of(form: Form, sources: ImageSources) -> ImageSource:
    """The source of the one image in a form; MissingFile, OneFileOnly or BadField if invalid."""
    given = form.fields.get(FILE_TYPE_FIELD)
    kind = (
        checked(FILE_TYPE_FIELD, given, FILE_TYPE)
        if is_given(given)
        else _infer_kind(form, sources)
    )
    for field in SOURCE_FIELDS:
        if field.file_type == kind:
            return field.source(sources, _text(form.fields, field))
    if form.upload is None:
        raise MissingFile(f"the request has no image; send it as the form part `{IMAGE_PART}`")
    if not form.upload:
        raise MissingFile(f"the part `{IMAGE_PART}` is empty; send the image's bytes in it")
    return sources.uploaded(form.upload)


def _infer_kind(form: Form, sources: ImageSources) -> str:
    """The file_type of a request that does not set it."""
    present = ["file"] if form.upload is not None else []
    present += [field.file_type for field in SOURCE_FIELDS if field.name in form.fields]
    given = ["file"] if form.upload else []
    given += [f.file_type for f in SOURCE_FIELDS if is_given(form.fields.get(f.name))]
    kinds = given or present[:1]  # a form sends its unused fields, too: empty
    if not kinds:
        ways = ", or ".join(
            f"the field `{field.name}` with {field.content}"
            for field in SOURCE_FIELDS
            if field.source is not ImageSources.url or sources.accepts_urls
        )
        raise MissingFile(
            f"the request has no image; send it as the form part `{IMAGE_PART}`, or send {ways}"
        )
    if len(kinds) > 1:
        raise OneFileOnly(
            f"the request has more than one image ({', '.join(kinds)}); choose one with file_type"
        )
    return kinds[0]


def _text(fields: Mapping[str, Any], field: SourceField) -> str:
    value = fields.get(field.name)
    if not is_given(value):
        raise MissingFile(
            f"the field `{field.name}` is missing or empty; it must be {field.content}"
        )
    if not isinstance(value, str):
        raise BadField(f"{field.name} must be a string: {field.content}")
    return value
