"""GET /usage: what a user used, by day, as JSON, as CSV, or as a page for browsers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from server.database.storage import StorageError
from server.errors import BadField, NotAllowed, StorageUnavailable, truncated
from server.http.handlers.base import BaseHandler
from server.http.handlers.page import PAGE_HEADERS, StaticFile
from server.http.replies import Reply
from server.settings.constraints import Choice

if TYPE_CHECKING:
    from server.http.json_bodies import UsageAnswer, UsageBody, UsageCounts
    from server.users.usage_store import UsageDay

DEFAULT_DAYS = 30
MAX_DAYS = 366
ALL_USERS = "*"
CSV_TYPE = "text/csv; charset=utf-8"
COUNTS = ("images", "pages", "cached", "seconds", "bytes", "errors")
_FIELDS = ("from", "to", "user", "format")
_DAY = re.compile(r"2\d{3}-\d{2}-\d{2}", re.ASCII)
_USER = re.compile(r"[0-9A-Za-z_-]{1,32}|\*", re.ASCII)
_FORMAT = Choice("json", "csv")
_NONE: UsageCounts = {
    "images": 0, "pages": 0, "cached": 0, "seconds": 0.0, "bytes": 0, "errors": 0,
}  # fmt: skip

Kind = Literal["json", "csv", "html"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A checked request: the user, and the days from first to last as YYYY-MM-DD."""

    user: str
    first: str
    last: str


class UsageHandler(BaseHandler):
    """The usage of the caller as JSON or CSV, or a page for it; an admin may name any user.

    The page is public: it asks for the JSON with the key that its user enters.
    """

    def initialize(self, page: StaticFile | None = None) -> None:
        """Called by Tornado with the arguments of the route."""
        assert page is not None
        self._page = page

    def prepare(self) -> Awaitable[None] | None:
        """Called by Tornado; the page needs no key, as browsers send none when they open a page."""
        if self._kind() == "html":
            self.needs = None
        return super().prepare()

    async def get(self) -> None:
        """200 with the counts, or with the page."""
        self.add_header("Vary", "Accept")
        if self._kind() == "html":
            headers = {
                **PAGE_HEADERS,
                "Cache-Control": self._page.cache_control,
                "Content-Type": self._page.content_type,
                "ETag": self._page.etag,
            }
            self.send_unless_known(Reply(200, headers, (self._page.body,)))
            return
        try:
            self.set_header("Cache-Control", "no-store")
            asked = self._asked()
            days = await self._days(asked)
            left = await self._left_today(asked)
        except Exception as error:
            self.send_problem(error)
            return
        if self._kind() == "csv":
            self._send_csv(asked, days)
        else:
            self._send_json(asked, days, left)

    head = get

    def _kind(self) -> Kind:
        """What to answer with: the parameter `format` decides, then the Accept header."""
        given = self.request.query_arguments.get("format")
        if given:
            return "csv" if given[-1] == b"csv" else "json"
        accepted = [part.partition(";")[0].strip() for part in self._accept().split(",")]
        found = (each for each in accepted if each in ("text/html", "text/csv", "application/json"))
        first = next(found, "application/json")
        return "html" if first == "text/html" else "csv" if first == "text/csv" else "json"

    def _accept(self) -> str:
        return self.request.headers.get("Accept", "").lower()

    def _asked(self) -> _Asked:
        fields = self.query_fields(_FIELDS)
        if "format" in fields:
            try:
                _FORMAT(fields["format"])
            except ValueError as error:
                shown = truncated(fields["format"])
                raise BadField(f"format = {shown}: {error}") from None
        today = date.fromisoformat(self.context.usage.days.today())
        last = _day(fields, "to") or today
        first = _day(fields, "from") or last - timedelta(days=DEFAULT_DAYS - 1)
        if not timedelta() <= last - first < timedelta(days=MAX_DAYS):
            raise BadField(f"from = {first}, to = {last}: expected 1 to {MAX_DAYS} days")
        own = self.scope.principal.user
        user = fields.get("user", own)
        if not _USER.fullmatch(user):
            raise BadField("user: expected the id of a key, or *")
        if user != own and not self.scope.principal.may("admin"):
            raise NotAllowed("user: the usage of another user needs the scope `admin`")
        return _Asked(user, first.isoformat(), last.isoformat())

    async def _days(self, asked: _Asked) -> Sequence[UsageDay]:
        """The counts; empty if there is no database, because then nothing was counted."""
        context = self.context
        if not context.usage.is_on and not context.storage.in_use():
            return ()
        try:
            database = await context.storage.open()
        except StorageError:
            raise StorageUnavailable("there is no database; the server's log says why") from None
        from server.users.usage_store import days  # imports SQLAlchemy

        user = None if asked.user == ALL_USERS else asked.user
        return await days(database, user, asked.first, asked.last)

    async def _left_today(self, asked: _Asked) -> int | None:
        """What is left of the caller's own quota; None if there is none, or for another user."""
        principal, limiter = self.scope.principal, self.context.limiter
        admission = limiter.admission(principal) if asked.user == principal.user else None
        if admission is None or not admission.limits.daily_quota or limiter.quota is None:
            return None
        return await limiter.quota.left_today(principal.user, admission.limits.daily_quota)

    def _send_json(self, asked: _Asked, days: Sequence[UsageDay], left: int | None) -> None:
        total = _NONE.copy()
        for day in days:
            total = _sum(total, _counts(day))
        usage: UsageBody = {
            "enabled": self.context.usage.is_on,
            "user": asked.user,
            "timezone": self.context.usage.timezone,
            "from": asked.first,
            "to": asked.last,
            "days": [{"day": day.day, **_counts(day)} for day in days],
            "total": total,
            "left_today": left,
        }
        answer: UsageAnswer = {
            "status": "success",
            "usage": usage,
            "request_id": self.scope.request_id,
        }
        self.send_json(answer)

    def _send_csv(self, asked: _Asked, days: Sequence[UsageDay]) -> None:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("day", *COUNTS))
        writer.writerows(days)
        headers = {
            "Content-Type": CSV_TYPE,
            "Content-Disposition": f'attachment; filename="usage-{asked.first}-{asked.last}.csv"',
        }
        self.send(Reply(200, headers, (text.getvalue().encode(),)))


def _day(fields: dict[str, str], name: str) -> date | None:
    """A day in the query, if it is given."""
    given = fields.get(name)
    if given is None:
        return None
    try:
        if not _DAY.fullmatch(given):
            raise ValueError
        return date.fromisoformat(given)
    except ValueError:
        expected = "expected a day as YYYY-MM-DD"
        raise BadField(f"{name} = {truncated(given)}: {expected}") from None


def _counts(day: UsageDay) -> UsageCounts:
    return {
        "images": day.images,
        "pages": day.pages,
        "cached": day.cached,
        "seconds": day.seconds,
        "bytes": day.bytes,
        "errors": day.errors,
    }


def _sum(one: UsageCounts, other: UsageCounts) -> UsageCounts:
    return {
        "images": one["images"] + other["images"],
        "pages": one["pages"] + other["pages"],
        "cached": one["cached"] + other["cached"],
        "seconds": round(one["seconds"] + other["seconds"], 4),
        "bytes": one["bytes"] + other["bytes"],
        "errors": one["errors"] + other["errors"],
    }
