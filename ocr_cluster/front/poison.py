"""Ends the flights of messages that the broker has given up, because their nodes were lost."""

from __future__ import annotations

import logging

from ocr_cluster import outcome as outcomes
from ocr_cluster.ending import finish, refuse_image
from ocr_cluster.link import Link
from ocr_cluster.message import MessageError, from_json
from ocr_cluster.queues import payload_of
from ocr_cluster.redis_link import RedisAway
from ocr_engine.errors import PoisonImage

log = logging.getLogger("server.cluster")


async def fail_poisoned(state: Link, bodies: list[bytes]) -> None:
    """Tell the owners of these messages, and have their images refused for a while."""
    for body in bodies:
        try:
            message = from_json(payload_of(body))
        except MessageError as error:
            log.warning("a message that the broker has given up is not understood: %s", error)
            continue
        log.error("flight %s: all nodes that were given its image were lost", message.flight)
        poison = PoisonImage("several nodes were lost while they had this image")
        try:
            await refuse_image(state, message.work)
            await finish(state, message, outcomes.failed(message.flight, message.attempt, poison))
        except RedisAway:
            log.warning("flight %s is left to its owner", message.flight)
