"""The Celery app of a node: one task, and as little of Celery as that needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection

from ocr_cluster.queues import (
    HEARTBEAT_SECONDS,
    READ_QUEUE,
    READ_TASK,
    queues,
    transport_options,
)

_STEPS = "celery.worker.consumer."


class NodeConsumer(Consumer):  # type: ignore[misc]  # it has no types
    """Takes messages, and does nothing else: no gossip, mingle, events, remote control or delays.

    A broker that is away is looked for every few seconds at least.
    """

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The steps that are needed, with those that these require."""

        default_steps = (
            f"{_STEPS}connection:Connection",
            f"{_STEPS}tasks:Tasks",
            f"{_STEPS}consumer:Evloop",
        )

    def ensure_connected(self, conn: Connection) -> Connection:
        """Connect, however long it takes; ends with the worker."""
        return conn.ensure_connection(
            self._not_connected,
            interval_start=0.3,
            interval_step=0.3,
            interval_max=2.0,
            callback=maybe_shutdown,
        )

    def _not_connected(self, error: Exception, interval: float) -> None:
        self.first_connection_attempt = False


def node_app(url: str, read: Callable[[Any, bool], None]) -> Celery:
    """An app whose task calls read(payload, redelivered) in a thread; acknowledged afterwards."""
    app = Celery("ocr", broker=url, set_as_current=False)
    to_read = queues(url)[0]
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_heartbeat=HEARTBEAT_SECONDS,
        broker_transport_options=dict(transport_options(url)),
        task_acks_late=True,
        task_create_missing_queues=False,
        task_default_queue=READ_QUEUE,
        task_ignore_result=True,
        task_queues=[to_read],
        task_reject_on_worker_lost=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_consumer=NodeConsumer,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
    )

    def run(task: Any, payload: Any) -> None:
        read(payload, bool(task.request.delivery_info.get("redelivered")))

    app.task(name=READ_TASK, bind=True)(run)
    return app
