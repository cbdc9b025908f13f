"""A connection to the broker that sends messages; for one thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from kombu import Connection, Producer
from kombu.exceptions import KombuError

from ocr_cluster.message import Message, as_json
from ocr_cluster.queues import (
    DEAD_QUEUE,
    READ_QUEUE,
    celery_body,
    celery_headers,
    is_rabbitmq,
    queues,
    transport_options,
)

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 4.0
CONFIRM_SECONDS = 3.0  # for the broker to confirm a message


class WireError(Exception):
    """The broker is away, or has not confirmed a message."""


class Wire:
    """Connects when it is first used, and again after an error."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._producer: Producer | None = None

    def send(self, message: Message) -> None:
        """Put a message into the queue of the nodes; returns when the broker has it. WireError."""
        name = f"{message.flight}-{message.attempt}"
        with self._errors():
            self._open().publish(
                celery_body(as_json(message)),
                routing_key=READ_QUEUE,
                exchange="",
                headers=celery_headers(name),
                correlation_id=name,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                confirm_timeout=CONFIRM_SECONDS,
            )

    def bury(self, body: bytes) -> None:
        """Put the body of a message that nobody understands into the queue for people."""
        with self._errors():
            self._open().publish(
                body,
                routing_key=DEAD_QUEUE,
                exchange="",
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                confirm_timeout=CONFIRM_SECONDS,
            )

    def check(self) -> None:
        """Connect if necessary, and find out whether the broker still answers. WireError."""
        with self._errors():
            self._open().channel.queue_declare(queue=READ_QUEUE, passive=True)

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.collect(socket_timeout=CONNECT_SECONDS)

    def _open(self) -> Producer:
        if self._producer is None:
            self._connection = Connection(
                self._url,
                connect_timeout=CONNECT_SECONDS,
                heartbeat=0,  # nobody would send them while the thread waits
                transport_options={**transport_options(self._url), **self._timeouts()},
            )
            self._connection.connect()
            channel = self._connection.channel()
            for queue in queues(self._url):
                queue(channel).declare()
            self._producer = Producer(channel)
        return self._producer

    def _timeouts(self) -> Mapping[str, float]:
        """A broker that starts accepts connections, and answers nothing for a while."""
        if not is_rabbitmq(self._url):
            return {}
        return {"read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of the transport, whatever it is, into WireError."""
        try:
            yield
        except Exception as error:
            known = (
                ()
                if self._connection is None
                else (
                    *self._connection.connection_errors,
                    *self._connection.channel_errors,
                )
            )
            self.close()
            if isinstance(error, (*known, KombuError, OSError, TimeoutError)):
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                raise WireError(reason) from error
            raise
