"""GET /results/MD5: a kept result without sending the picture."""

from __future__ import annotations

import time

from cache.keys import Digests
from server.body import unique_fields
from server.errors import BadField, NotFound
from server.formats import Envelope, render
from server.handlers.base import BaseHandler
from server.request_fields import OPTION_CHECKS, parse_format, parse_options
from server.service import Answer


class ResultHandler(BaseHandler):
    """One kept result by the MD5 of the picture; options as query parameters."""

    def get(self, md5: str) -> None:
        """200 with the result, 304 if the client has it, 404 if it is not kept."""
        started = time.perf_counter()
        try:
            fields = self._query()
            chosen = parse_format(fields.pop("format", "json"))
            options = parse_options(fields, self.context.default_options)
            service = self.context.service
            kept = service.find(md5.lower(), options)
            if kept is None:
                raise NotFound("no result is kept for this MD5 with these options and models")
            age = service.cache.age(kept)
            tag = f'"{kept.etag}-{chosen}"'
            self.set_header("ETag", tag)
            self.set_header("X-Cache", "hit")
            self.set_header("Age", str(int(age)))
            if tag in self.request.headers.get("If-None-Match", ""):
                self.set_status(304)
                self.finish()
                return
            answer = Answer(kept.data, Digests(md5.lower(), kept.sha256), kept.etag, age=age)
            elapsed_ms = (time.perf_counter() - started) * 1000
            content_type, body = render(
                answer, chosen, Envelope("hit", elapsed_ms, self.request_id)
            )
            self.set_header("Content-Type", content_type)
            self.finish(body)
        except Exception as error:
            self.send_problem(error)

    def _query(self) -> dict[str, str]:
        fields = unique_fields(
            [
                (name, value.decode("utf-8", "replace"))
                for name, values in self.request.query_arguments.items()
                for value in values
            ]
        )
        for name in fields:
            if name != "format" and name not in OPTION_CHECKS:
                known = ", ".join(("format", *OPTION_CHECKS))
                raise BadField(f"unknown parameter {name!r}; known are {known}")
        return fields
