"""The settings of Pillow and libtiff that hold for a whole process; set by who owns the process."""

from __future__ import annotations

import ctypes
import logging

from PIL import Image, _imaging

log = logging.getLogger(__name__)


def prepare_decoders() -> None:
    """Set up a process that decodes clients' images: they must not be able to fill its log."""
    lift_pixel_limit()
    try:
        _silence()
    except (OSError, AttributeError) as error:  # a Pillow that is linked in another way
        log.warning("what libtiff says of images goes to the log: %s", error)


def lift_pixel_limit() -> None:
    """Let Pillow open images of any size: check_size keeps the limit, for every format alike."""
    Image.MAX_IMAGE_PIXELS = None


def _silence() -> None:
    """Keep what decoders say of a file out of this process's stderr: of some it is megabytes.

    What is wrong with a file is said by the exception. libtiff, which Pillow's extension is linked
    with, writes by handlers of the whole process; Pillow sets none.
    """
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    pillow = ctypes.CDLL(_imaging.__file__)
    pillow.TIFFSetErrorHandler(None)
    pillow.TIFFSetWarningHandler(None)
