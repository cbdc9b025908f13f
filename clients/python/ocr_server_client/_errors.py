"""The errors of the client.

OcrClientError
├── OcrError    the server has answered with an error
└── NoAnswer    it has not answered
"""

from __future__ import annotations


class OcrClientError(Exception):
    """Base of all errors of this client."""


class OcrError(OcrClientError):
    """An error of the server.

    code: stable, see the server's docs/troubleshooting.md. status: of HTTP; 0 for a job that has
    failed. retry_after: seconds, if another attempt makes sense.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 0,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after


class NoAnswer(OcrClientError):
    """The server could not be reached, or has not answered in time."""
