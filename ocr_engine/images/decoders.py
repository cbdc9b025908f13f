"""Functions that set up Pillow and libtiff for a whole process; importing them sets nothing."""

from __future__ import annotations

import ctypes
import logging

from PIL import AvifImagePlugin, Image, _imaging

log = logging.getLogger(__name__)


def prepare_decoders() -> None:
    """Set up a process that decodes clients' images, so that they cannot fill its log."""
    lift_pixel_limit()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a worker has one core
    try:
        _silence()
    except (OSError, AttributeError) as error:  # Pillow is linked differently
        log.warning("cannot silence libtiff, its messages go to the log: %s", error)


def lift_pixel_limit() -> None:
    """Let Pillow open images of any size: check_size enforces the limit for every format."""
    Image.MAX_IMAGE_PIXELS = None


def pillow_format(file_format: str) -> str:
    """Pillow's name of an accepted format; adds its decoder first, if Pillow does not have it."""
    if file_format != "HEIC":
        return file_format
    import pillow_heif  # optional, and 30 MB

    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
    return "HEIF"


def _silence() -> None:
    """Keep the decoders' messages, megabytes for some files, out of this process's stderr.

    They are not needed: the exception says what is wrong with a file. Pillow does not replace
    libtiff's process-wide message handlers, so they are removed here, in the library that Pillow's
    extension is linked to.
    """
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    pillow = ctypes.CDLL(_imaging.__file__)
    pillow.TIFFSetErrorHandler(None)
    pillow.TIFFSetWarningHandler(None)
