"""Client of the Concurrent OCR server: OcrClient for threads, AsyncOcrClient for asyncio."""

from ocr_server_client._async_client import AsyncOcrClient
from ocr_server_client._errors import NoAnswer, OcrClientError, OcrError
from ocr_server_client._options import Image, ImageUrl, Options, ServerFile
from ocr_server_client._results import Batch, Event, Job, Line, Page, Problem, Result
from ocr_server_client._steps import Retries
from ocr_server_client._sync_client import OcrClient
from ocr_server_client._version import VERSION as __version__

__all__ = [
    "AsyncOcrClient",
    "Batch",
    "Event",
    "Image",
    "ImageUrl",
    "Job",
    "Line",
    "NoAnswer",
    "OcrClient",
    "OcrClientError",
    "OcrError",
    "Options",
    "Page",
    "Problem",
    "Result",
    "Retries",
    "ServerFile",
    "__version__",
]
