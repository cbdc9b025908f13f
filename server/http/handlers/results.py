"""GET and DELETE /results/MD5: a cached result, without sending the image."""

from __future__ import annotations

from cache.keys import Digests
from server.errors import NotAllowed, NotFound
from server.formats.answer import Answer, Envelope
from server.formats.registry import OUTPUT_FORMATS, join_names
from server.http.handlers.base import BaseHandler
from server.intake.request_fields import (
    OPTION_FIELDS,
    RENDERING_FIELDS,
    parse_options,
    parse_rendering,
)

_OWN_RESULT_FORMATS = join_names([name for name, row in OUTPUT_FORMATS.items() if row.implied])


class ResultHandler(BaseHandler):
    """A cached result by the MD5 of the image; options as query parameters."""

    async def get(self, md5: str) -> None:
        """200 with the result, 304 if the client already has it, 404 if it is not cached."""
        try:
            fields = self.query_fields((*RENDERING_FIELDS, *OPTION_FIELDS))
            rendering = parse_rendering(fields)
            options = parse_options(fields, self.context.default_options, rendering)
            service = self.context.service
            kept = await service.results.find(md5.lower(), options, self.scope.principal.user)
            if kept is None:
                raise NotFound(
                    "no result is cached for this MD5 with these options and models; the formats "
                    f"{_OWN_RESULT_FORMATS} have separate results"
                )
            tag = f'"{kept.etag}-{rendering.tag}"'
            self.set_header("ETag", tag)
            if self._client_has(tag):
                self.send_empty(304, {"X-Cache": "hit"})
                return
            age = service.cache.age(kept)
            answer = Answer(kept.result, Digests(md5.lower(), kept.sha256), age=age)
            envelope = Envelope("hit", self.scope.elapsed_ms(), self.scope.request_id)
            await self.send_answer(answer, rendering, envelope)
        except Exception as error:
            self.send_problem(error)

    head = get

    async def delete(self, md5: str) -> None:
        """Delete all stored data of the caller's image: 204, or 404 if there is none.

        Replies stored for Idempotency-Keys may contain the image's text, so all stored replies of
        the caller are deleted.
        """
        try:
            self.query_fields(())
            if self.context.service.results.all_share:
                self._require_admin()
            user, jobs = self.scope.principal.user, self.context.jobs
            found = await self.context.service.results.erase_everywhere(user, md5.lower())
            found |= self.context.documents.kept.erase(user, md5.lower())
            if not jobs.is_unused():
                found |= await (await jobs.open()).forget_replies(user)
            if not found:
                raise NotFound("no result is cached for this MD5")
        except Exception as error:
            self.send_problem(error)
        else:
            self.scope.audit("result_erased")
            self.send_empty(204)

    def _require_admin(self) -> None:
        """NotAllowed unless the caller is an administrator, as the results belong to all users."""
        if not self.scope.principal.may("admin"):
            raise NotAllowed(
                "all users share the results (cache.scope), so erasing one needs the scope `admin`"
            )

    def _client_has(self, tag: str) -> bool:
        """Whether If-None-Match contains the tag or `*` (weak comparison: RFC 9110, 13.1.2)."""
        given = self.request.headers.get("If-None-Match", "").split(",")
        return any(entry.strip().removeprefix("W/") in (tag, "*") for entry in given)
