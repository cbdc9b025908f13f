"""Signed URLs of results, for clients that fetch a result without their key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from server.errors import NotFound
from server.http.context import ServerContext

VALID_SECONDS = 3600


class ResultUrls:
    """Signs and checks the query of a URL that gives one job's result to whoever has it.

    Jobs in a database have URLs that every server with this database accepts; for others, the
    secret is as short-lived as they are. clock: Unix seconds. purpose: what the URL gives; one that
    was signed for another purpose is not accepted.
    """

    def __init__(
        self,
        context: ServerContext,
        clock: Callable[[], float] = time.time,
        purpose: str = "the URL of a result",
    ) -> None:
        self._context = context
        self._clock = clock
        self._purpose = purpose
        self._own_secret = secrets.token_bytes(32)

    async def query(self, user: str, job_id: str) -> str:
        """The query string for a job of this user."""
        expires = int(self._clock()) + VALID_SECONDS
        newest, *_ = await self._secrets()
        signature = self._signature(newest, user, job_id, expires)
        return urlencode({"user": user, "expires": expires, "signature": signature})

    async def check(self, user: str, job_id: str, expires: str, signature: str) -> None:
        """NotFound unless this server has signed these values, and they have not expired."""
        given = signature.encode("utf-8", "replace")
        for secret in await self._secrets():
            expected = self._signature(secret, user, job_id, expires).encode()
            if hmac.compare_digest(given, expected) and int(expires) > self._clock():
                return
        raise NotFound("the URL has expired or was changed; ask for the job again")

    async def _secrets(self) -> Sequence[bytes]:
        """The secrets that are accepted, the newest first."""
        if not self._context.jobs.durable:
            return [self._own_secret]
        from server.webhooks.kept_secrets import signing_secrets

        database = await self._context.storage.open()
        settings = self._context.settings.webhooks
        return [
            secret.encode() for secret in await signing_secrets(database, settings, self._clock())
        ]

    def _signature(self, secret: bytes, user: str, job_id: str, expires: int | str) -> str:
        text = f"{self._purpose}\n{user}\n{job_id}\n{expires}".encode("utf-8", "replace")
        return hmac.new(secret, text, hashlib.sha256).hexdigest()
