"""An exchange whose answer is made in a task, which ends when the client leaves."""

from __future__ import annotations

from abc import abstractmethod

from server.http.handlers.exchange import Exchange
from server.http.replies import Reply
from server.intake.body import BodyReader


class TaskExchange(Exchange):
    """Nothing of the work is of use without its client."""

    @abstractmethod
    async def answer(self, reader: BodyReader) -> Reply:
        """The answer to a complete request, or an error."""

    def body_complete(self, reader: BodyReader) -> None:
        """Answer in a task."""
        self.answer_with(self.answer(reader))

    def on_connection_close(self) -> None:
        """Stop the work."""
        super().on_connection_close()
        self.stop_answering()
