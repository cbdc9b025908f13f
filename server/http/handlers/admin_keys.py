"""/admin/keys: make, list, change, revoke and erase keys, with a key of the scope `admin`."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from server.database.storage import StorageError
from server.errors import BadField, StorageUnavailable
from server.http.handlers.json_body import JsonBodyHandler
from server.http.replies import json_reply
from server.intake.fields import checked
from server.operations.audit import Action
from server.settings.constraints import Flag, WholeNumber
from server.users.key_fields import check_key_fields
from server.users.key_format import ID_FORM
from server.users.key_record import KeyRecord

if TYPE_CHECKING:
    from server.http.json_bodies import KeyAnswer, KeyListAnswer, SecretAnswer
    from server.users.key_store import KeyStore

DEFAULT_PAGE, MAX_PAGE = 100, 1000
NOT_STORED = {"Cache-Control": "no-store"}

log = logging.getLogger("server.keys")


class _Handler(JsonBodyHandler):
    needs = "admin"

    async def store(self) -> KeyStore:
        """The keys; StorageUnavailable if there can be no database."""
        try:
            database = await self.context.storage.open()
        except StorageError as error:
            log.error("no keys: %s", error)
            raise StorageUnavailable("this server has no database; its log says why") from error
        from server.users.key_store import KeyStore

        return KeyStore(database)

    def note(self, act: str, action: Action, key_id: str) -> None:
        """Log an act of an administrator, also in the audit log."""
        self.scope.audit(action, key_id)
        log.info(
            "%s %s the key %s, request %s",
            self.scope.principal.user, act, key_id, self.scope.request_id,
        )  # fmt: skip

    def send_key(self, record: KeyRecord) -> None:
        """Send a key without its secret."""
        answer: KeyAnswer = {
            "status": "success",
            "key": record.json(time.time()),
            "request_id": self.scope.request_id,
        }
        self.send(json_reply(answer, 200, NOT_STORED))


class AdminKeysHandler(_Handler):
    """All keys."""

    async def get(self) -> None:
        """Keys in the order of their creation; ?after=ID&limit=N for the next ones."""
        try:
            fields = self.query_fields(("after", "limit"))
            limit = checked("limit", fields.get("limit", DEFAULT_PAGE), WholeNumber(1, MAX_PAGE))
            after = fields.get("after")
            if after is not None and not ID_FORM.fullmatch(after):
                raise BadField("after: expected the id of a key")
            records = await (await self.store()).page(after, limit)
            answer: KeyListAnswer = {
                "status": "success",
                "keys": [record.json(time.time()) for record in records],
                "request_id": self.scope.request_id,
            }
            self.send(json_reply(answer, 200, NOT_STORED))
        except Exception as error:
            self.send_problem(error)

    async def post(self) -> None:
        """Make a key: 201 with the key itself, which is not shown again."""
        try:
            self.query_fields(())
            values = check_key_fields(self.json_fields())
            if "label" not in values:
                raise BadField("label is missing; say for whom or what the key is")
            record, secret = await (await self.store()).add(values, time.time())
            self.note("made", "key_added", record.key_id)
            answer: SecretAnswer = {
                "status": "success",
                "key": record.json(time.time()),
                "secret": secret,
                "request_id": self.scope.request_id,
            }
            headers = {**NOT_STORED, "Location": f"{self.scope.prefix}/admin/keys/{record.key_id}"}
            self.send(json_reply(answer, 201, headers))
        except Exception as error:
            self.send_problem(error)


class AdminKeyHandler(_Handler):
    """One key by its id."""

    async def get(self, key_id: str) -> None:
        """The key, without its secret."""
        try:
            self.query_fields(())
            self.send_key(await (await self.store()).get(key_id))
        except Exception as error:
            self.send_problem(error)

    async def patch(self, key_id: str) -> None:
        """Change fields."""
        try:
            self.query_fields(())
            values = check_key_fields(self.json_fields())
            if not values:
                raise BadField("the body has no fields; send those that shall change")
            record = await (await self.store()).change(key_id, values)
            self.note("changed", "key_changed", key_id)
            self.send_key(record)
        except Exception as error:
            self.send_problem(error)

    async def delete(self, key_id: str) -> None:
        """Revoke the key, or with ?purge=true delete it and all data of its user: 204."""
        try:
            fields = self.query_fields(("purge",))
            store = await self.store()
            if checked("purge", fields.get("purge", False), Flag()):
                from server.users.erasing import erase_user, erasers_of

                erasers = erasers_of(self.context.settings)
                await erase_user(await self.context.storage.open(), key_id, time.time(), erasers)
                self.note("erased", "key_purged", key_id)
            else:
                await store.revoke(key_id, time.time())
                self.note("revoked", "key_revoked", key_id)
            self.send_empty(204)
        except Exception as error:
            self.send_problem(error)
