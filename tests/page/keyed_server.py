"""A server that requires API keys, and the keys in its database."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import update

from server.database.tables import EPOCH, KEY, KEY_SECRET
from server.settings.secrets import Secret
from server.settings.settings import AccessSettings, DatabaseSettings
from server.users.key_format import digest_of, id_of, new_id, new_secret_key
from server.users.key_store import EPOCH_NAME
from tests.page.scripted import load_scripted
from tests.support.live_server import LiveServer


class KeyedServer(LiveServer):
    """Two workers that find what images say, only for users with a key."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, number=2, queue_size=20, load=load_scripted)
        self._settings = replace(
            self._settings,
            access=AccessSettings(required=True),
            database=DatabaseSettings(Secret(f"sqlite:///{folder}/keys.sqlite3")),
        )

    def __enter__(self) -> KeyedServer:
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.run(self._close_database)
        super().__exit__(*error)

    def add_key(self, **fields: Any) -> str:
        """A new key with these columns, as an operator makes it."""
        key_id = new_id()
        secret = new_secret_key(key_id)
        now = time.time()
        row = {
            "id": key_id,
            "label": "a test",
            "scopes": "read jobs filename",
            "weight": 1.0,
            "priority": 0,
            "created_at": now,
            **fields,
        }
        hashed = {"hash": digest_of(secret).hex(), "key_id": key_id, "created_at": now}
        self.run(lambda: self._change(KEY.insert().values(row), KEY_SECRET.insert().values(hashed)))
        return secret

    def revoke(self, key: str) -> None:
        """Revoke a key; it is refused within a second."""
        revoked = update(KEY).where(KEY.c.id == id_of(key)).values(revoked_at=time.time())
        self.run(lambda: self._change(revoked))

    async def _change(self, *statements: Any) -> None:
        database = await self.context.storage.open()
        raised = database.insert(EPOCH).values(name=EPOCH_NAME, value=1)
        raised = raised.on_conflict_do_update(
            index_elements=[EPOCH.c.name], set_={"value": EPOCH.c.value + 1}
        )
        async with database.write() as connection:
            for statement in (*statements, raised):
                await connection.execute(statement)

    async def _close_database(self) -> None:
        await self.context.keyring.close()
        await self.context.limiter.quota.close()  # type: ignore[union-attr]
        await self.context.storage.close()
