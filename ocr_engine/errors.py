"""Everything that can go wrong between an image and its text, as one tree.

EngineError
├── ImageError            the image is at fault: no retry will help
│   ├── UnsupportedFormat
│   ├── InvalidImage
│   ├── TooManyPixels
│   └── ImageTooComplex
├── ModelError              the installation or the settings are at fault
└── PoolError               the pool could not do it, this time
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
    """Base of the engine's errors; `code` is stable, the message is written for the client."""

    code = "internal_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ImageError(EngineError):
    """The image itself cannot be read."""

    code = "invalid_image"


class UnsupportedFormat(ImageError):
    """The bytes are not those of an image format that is accepted."""

    code = "unsupported_format"


class InvalidImage(ImageError):
    """The bytes begin like an image but are truncated or broken."""

    code = "invalid_image"


class TooManyPixels(ImageError):
    """The image is larger than the limit."""

    code = "too_many_pixels"


class ImageTooComplex(ImageError):
    """Reading the image needs more memory than a worker may take."""

    code = "image_too_complex"


class ModelError(EngineError):
    """A model is missing, incomplete, altered, or does not fit the engine; the start stops."""

    code = "model_error"


class PoolError(EngineError):
    """The pool could not finish the task."""

    code = "internal_error"


class QueueFull(PoolError):
    """As many images wait as make sense; retry_after: seconds until there may be room."""

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
    """Workers died again and again while they had the task."""

    code = "worker_crashed"


class ImageKillsWorkers(WorkerCrashed):
    """Two workers ended by their own doing while they read the image."""


class PoolStarting(PoolError):
    """No worker is warm yet."""

    code = "starting"


class PoolDraining(PoolError):
    """The server is stopping and takes no new work."""

    code = "draining"


class RecognitionFailed(PoolError):
    """The recognizer raised an error that is not the image's; the worker's log has it."""

    code = "internal_error"


def last_line(error: BaseException) -> str:
    """What an error of a foreign library says in the end, or its kind if it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


IMAGE_ERRORS: dict[str, type[ImageError]] = {
    error.code: error for error in (UnsupportedFormat, InvalidImage, TooManyPixels, ImageTooComplex)
}
