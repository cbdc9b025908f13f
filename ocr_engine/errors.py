"""The engine's errors, as one tree.

EngineError
├── ImageError            the image is at fault: a retry does not help
│   ├── UnsupportedFormat
│   ├── InvalidImage
│   ├── TooManyPixels
│   └── ImageTooComplex
├── ModelError              the installation or the settings are at fault
└── PoolError               the pool could not do it this time; a retry may help
    ├── QueueFull
    ├── QueueTimeout
    ├── RecognitionTimeout
    ├── WorkerCrashed
    │   └── ImageKillsWorkers
    ├── PoolStarting
    ├── PoolDraining
    └── RecognitionFailed
"""


class EngineError(Exception):
    """Base of the engine's errors; `code` is stable, `message` is for the client."""

    code = "internal_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ImageError(EngineError):
    """The image itself cannot be read."""

    code = "invalid_image"


class UnsupportedFormat(ImageError):
    """The bytes are not in an accepted image format."""

    code = "unsupported_format"


class InvalidImage(ImageError):
    """The bytes start like an image but are truncated or broken."""

    code = "invalid_image"


class TooManyPixels(ImageError):
    """The image is larger than the limit."""

    code = "too_many_pixels"


class ImageTooComplex(ImageError):
    """Reading the image needs more memory than a worker may use."""

    code = "image_too_complex"


class ModelError(EngineError):
    """A model is missing, incomplete or altered, or does not fit the engine; startup fails."""

    code = "model_error"


class PoolError(EngineError):
    """The pool could not finish the task."""

    code = "internal_error"


class QueueFull(PoolError):
    """Too many images wait; retry_after: seconds until there may be room."""

    code = "queue_full"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueTimeout(PoolError):
    """The task waited too long for a worker and was never started."""

    code = "queue_timeout"


class RecognitionTimeout(PoolError):
    """The recognition passed its deadline."""

    code = "ocr_timeout"


class WorkerCrashed(PoolError):
    """Workers died repeatedly while they had the task."""

    code = "worker_crashed"


class ImageKillsWorkers(WorkerCrashed):
    """Two workers crashed while reading the image."""


class PoolStarting(PoolError):
    """No worker is warm yet."""

    code = "starting"


class PoolDraining(PoolError):
    """The server is stopping and accepts no new work."""

    code = "draining"


class RecognitionFailed(PoolError):
    """The recognizer failed for a reason other than the image; the worker's log has it."""

    code = "internal_error"


def last_line(error: BaseException) -> str:
    """The last line of a foreign library's error message, or its type if there is none."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


IMAGE_ERRORS: dict[str, type[ImageError]] = {
    error.code: error for error in (UnsupportedFormat, InvalidImage, TooManyPixels, ImageTooComplex)
}
