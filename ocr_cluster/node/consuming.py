"""Celery in a thread: takes messages from the broker, as many at a time as there are workers."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from ocr_cluster.queues import READ_QUEUE

log = logging.getLogger("server.cluster")

RESTART_SECONDS = 1.0  # after an unexpected end
JOIN_SECONDS = 10.0


class Consuming:
    """Calls read(payload, redelivered) in a thread for each message; it returns when that is done.

    slots: how many messages are taken at a time. name: of this node.
    """

    def __init__(self, url: str, slots: int, name: str, read: Callable[[Any, bool], None]) -> None:
        self._url = url
        self._slots = slots
        self._name = name
        self._read = read
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="celery", daemon=True)
        self._worker: Any = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker."""
        consumer = getattr(self._worker, "consumer", None)
        connection = getattr(consumer, "connection", None)
        return connection is not None and bool(connection.connected)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def take_no_more(self) -> None:
        """Take no more messages; those that were taken are finished and acknowledged."""
        self._stopping.set()
        consumer = getattr(self._worker, "consumer", None)
        hub = getattr(self._worker, "hub", None)
        if consumer is not None and hub is not None and consumer.task_consumer is not None:
            hub.call_soon(consumer.cancel_task_queue, READ_QUEUE)

    def stop(self) -> None:
        """End the thread; what is still being read is given back by the broker. Blocks."""
        from celery.worker import state

        self._stopping.set()
        state.should_stop = 0
        hub = getattr(self._worker, "hub", None)
        if hub is not None:
            with contextlib.suppress(Exception):
                hub.call_soon(_nothing)
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except Exception:
                log.exception("the consumer of the broker ended unexpectedly")
            self._stopping.wait(RESTART_SECONDS)

    def _work(self) -> None:
        from ocr_cluster.node.celery_app import node_app  # takes a second

        logging.getLogger("celery").setLevel(logging.ERROR)
        app = node_app(self._url, self._read)
        app.finalize()
        app.set_default()
        self._worker = app.WorkController(
            pool="threads",
            concurrency=self._slots,
            hostname=self._name,
            without_gossip=True,
            without_heartbeat=True,
            without_mingle=True,
        )
        self._worker.start()


def _nothing() -> None:
    """Wakes the hub."""
