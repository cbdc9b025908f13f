"""The engine's errors, as one tree.

EngineError
├── ImageError            the image is at fault: a retry does not help
│   ├── UnsupportedFormat
│   ├── InvalidImage
│   ├── TooManyPixels
│   └── ImageTooComplex
├── DocumentError         the document, or one of its pages, is at fault
│   ├── DocumentEncrypted
│   ├── DocumentBroken
│   ├── PageFailed
│   │   └── PageKillsRenderers
│   └── PageTimeout
├── ModelError              the installation or the settings are at fault
│   ├── UnknownModels
│   └── NotForModels
└── PoolError               the pool could not do it this time; a retry may help
    ├── QueueFull
    ├── QueueTimeout
    ├── RecognitionTimeout
    ├── WorkerCrashed
    │   └── ImageKillsWorkers
    ├── PoolStarting
    ├── PoolDraining
    ├── BrokerUnavailable
    ├── PoisonImage
    ├── BackendUnavailable
    ├── BackendFailed
    └── RecognitionFailed
"""

from collections.abc import Sequence


def listed(problems: Sequence[str]) -> str:
    """One text for all problems: a single one unchanged, several below their number."""
    if len(problems) == 1:
        return problems[0]
    return "\n  ".join((f"{len(problems)} problems:", *problems))


class EngineError(Exception):
    """Base of the engine's errors; `code` is stable, `message` is for the client.

    example: a message of this error, for the API description.
    """

    code = "internal_error"
    example = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ImageError(EngineError):
    """The image itself cannot be read."""

    code = "invalid_image"


class UnsupportedFormat(ImageError):
    """The bytes are not in an accepted image format."""

    code = "unsupported_format"
    example = "the bytes are a Photoshop file; accepted are JPEG, PNG, BMP, GIF, WEBP, TIFF, AVIF"


class InvalidImage(ImageError):
    """The bytes start like an image but are truncated or broken."""

    code = "invalid_image"
    example = "the JPEG header is cut off; send the whole file"


class TooManyPixels(ImageError):
    """The image is larger than the limit."""

    code = "too_many_pixels"
    example = "the image has 10000x8000 pixels; at most 40000000 are accepted"


class ImageTooComplex(ImageError):
    """Reading the image needs more memory than a worker may use."""

    code = "image_too_complex"
    example = "reading this image needs more memory than a worker may use"


class DocumentError(EngineError):
    """A document, or one of its pages, cannot be opened or drawn."""

    code = "pdf_broken"


class DocumentEncrypted(DocumentError):
    """The document is encrypted, and the password is missing or wrong."""

    code = "pdf_encrypted"
    example = "the document is encrypted; send its password in the field `password`"


class DocumentBroken(DocumentError):
    """The document cannot be opened."""

    code = "pdf_broken"
    example = "the PDF is broken: it has no pages that can be found"


class PageFailed(DocumentError):
    """A page cannot be drawn."""

    code = "page_failed"
    example = "page 3 cannot be drawn: it is broken, or needs too much memory"


class PageKillsRenderers(PageFailed):
    """Drawing the page ends the process that draws it."""


class PageTimeout(DocumentError):
    """Drawing a page, or opening the document, takes too long."""

    code = "page_timeout"
    example = "page 3 was not drawn within 20 s"


class ModelError(EngineError):
    """A model is missing, incomplete or altered, or does not fit the engine; startup fails."""

    code = "model_error"
    example = "rec_model_dir: there is no model in it"


class UnknownModels(ModelError):
    """No model set has the name that was asked for."""

    code = "bad_field"
    example = "models = 'x': expected one of PP-OCRv6_small, PP-OCRv6_tiny"


class NotForModels(ModelError):
    """The models that were asked for cannot follow an option."""

    code = "bad_field"
    example = "use_rec = false is not for the models deepseek, which are on another server"


class PoolError(EngineError):
    """The pool could not finish the task."""

    code = "internal_error"


class QueueFull(PoolError):
    """Too many images wait.

    retry_after: seconds until there may be room.
    """

    code = "queue_full"
    example = "100 images are waiting, which is the limit; try again later"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueTimeout(PoolError):
    """The task waited too long for a worker and was never started."""

    code = "queue_timeout"
    example = "timeout_ms of 500 passed before a worker was free; try again later"


class RecognitionTimeout(PoolError):
    """The recognition passed its deadline.

    is_slow: its worker has computed for so long that another attempt would not help.
    """

    code = "ocr_timeout"
    example = "timeout_ms of 500 passed before the recognition was done; it continues"

    def __init__(self, message: str, is_slow: bool = False) -> None:
        super().__init__(message)
        self.is_slow = is_slow


class WorkerCrashed(PoolError):
    """Workers died repeatedly while they had the task."""

    code = "worker_crashed"
    example = "two workers died over this image"


class ImageKillsWorkers(WorkerCrashed):
    """Two workers crashed while reading the image."""


class PoolStarting(PoolError):
    """No worker is warm yet."""

    code = "starting"
    example = "the models are still being loaded; try again in a second"


class PoolDraining(PoolError):
    """The server is stopping and accepts no new work."""

    code = "draining"
    example = "the server is stopping; send the image to another server"


class BrokerUnavailable(PoolError):
    """The servers that connect this front end with the nodes of its cluster do not answer."""

    code = "broker_unavailable"
    example = "the broker of the cluster does not answer; try again in a few seconds"


class PoisonImage(PoolError):
    """The image crashed two workers recently and is in quarantine."""

    code = "poison_input"
    example = "this image crashed two workers recently; it is refused for a while"


class BackendUnavailable(PoolError):
    """The server of the models could not be reached, or had no room, in all attempts.

    retry_after: seconds, if that server has said so.
    """

    code = "backend_unavailable"
    example = "the server of the models deepseek is not reachable; try again later"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BackendFailed(PoolError):
    """The server of the models refused the image, or its answer is not usable."""

    code = "backend_failed"
    example = "the models deepseek did not finish their answer to this image: content_filter"


class RecognitionFailed(PoolError):
    """The recognizer failed, but not because of the image; the worker's log has the reason."""

    code = "internal_error"
    example = "internal error; the server's log has it under the request id"


def last_line(error: BaseException) -> str:
    """The last line of a foreign library's error message, or its type if there is none."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


IMAGE_ERRORS: dict[str, type[ImageError]] = {
    error.code: error for error in (UnsupportedFormat, InvalidImage, TooManyPixels, ImageTooComplex)
}

DOCUMENT_ERRORS: dict[str, type[DocumentError]] = {
    error.code: error for error in (DocumentEncrypted, DocumentBroken, PageFailed, PageTimeout)
}
