"""POST /events/s3: an object store tells which objects were created."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar

from tornado.httputil import HTTPHeaders

from server.errors import KeyInvalid, KeyRequired, NotFound, StorageUnavailable
from server.http.gate import key_in
from server.http.handlers.json_body import JsonBodyHandler
from server.http.replies import json_reply
from server.intake.request_fields import parse_seconds
from server.jobs.record import MAX_WAIT_SECONDS
from server.objects.events import parse_events

if TYPE_CHECKING:
    from server.http.json_bodies import EventsAnswer
    from server.objects.feed import ObjectFeed


class StorageEventsHandler(JsonBodyHandler):
    """Takes events with storage.events_token, which is no key of a user."""

    needs = None
    max_json_bytes: ClassVar[int] = 1 << 20

    def check_access(self) -> Awaitable[None] | None:
        """See BaseHandler: the token, if events are accepted at all."""
        expected = self.context.settings.storage.events_token
        if self.context.object_feed is None or expected is None:
            raise NotFound("this server takes no events of object stores")
        waiting = self.context.limiter.check_address(self.scope.address)
        if waiting is not None:
            return self._check_later(waiting, expected.reveal())
        self._check_token(expected.reveal())
        return None

    async def post(self) -> None:
        """202 when the objects are noted; with ?wait=SECONDS 200 when they are finished."""
        try:
            fields = self.query_fields(("wait",))
            seconds = parse_seconds("wait", fields.get("wait", "0"), MAX_WAIT_SECONDS)
            events = parse_events(self.json_value())
            accepted = await self._feed().accept(events)
            answer: EventsAnswer = {
                "status": "accepted",
                "objects": {"accepted": len(accepted.ids), "ignored": accepted.ignored},
                "request_id": self.scope.request_id,
            }
            if seconds:
                states = await self._feed().wait(accepted.ids, seconds)
                answer["states"] = {
                    "pending": states["pending"],
                    "done": states["done"],
                    "failed": states["failed"],
                    "gone": states["gone"],
                }
                if not states["pending"]:
                    answer["status"] = "success"
            self.send(json_reply(answer, 200 if answer["status"] == "success" else 202))
        except Exception as error:
            self.send_problem(error)

    async def _check_later(self, address: Awaitable[None], expected: str) -> None:
        await address
        self._check_token(expected)

    def _check_token(self, expected: str) -> None:
        """KeyRequired or KeyInvalid."""
        token = token_in(self.request.headers)
        if token is None:
            raise KeyRequired("send storage.events_token: Authorization: Bearer TOKEN")
        if not hmac.compare_digest(token.encode(), expected.encode()):
            self.context.refusals.note(self.scope.address)
            raise KeyInvalid("this is not the value of storage.events_token")

    def _feed(self) -> ObjectFeed:
        feed = self.context.object_feed
        if feed is None:
            raise StorageUnavailable("this server takes no events of object stores")
        return feed


def token_in(headers: HTTPHeaders) -> str | None:
    """The token in the headers: as a key, or as the password of Basic, for stores with a URL only.

    SNS has no other place for it than https://USER:PASSWORD@HOST/events/s3.
    """
    method, _, value = headers.get("Authorization", "").partition(" ")
    if method.lower() != "basic":
        return key_in(headers)
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2] or None
    except (binascii.Error, UnicodeDecodeError):
        return None
