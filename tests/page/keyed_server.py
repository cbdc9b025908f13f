"""A server that requires API keys, and its operator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.users.key_format import id_of
from tests.page.scripted import load_scripted
from tests.support.http_client import Reply
from tests.support.live_server import ADMIN_KEY, LiveServer


class KeyedServer(LiveServer):
    """Two workers that find what images say, only for users with a key."""

    def __init__(self, folder: Path) -> None:
        more = {
            "access": {"required": True, "admin_key": ADMIN_KEY},
            "database": {"url": f"sqlite:///{folder}/keys.sqlite3"},
        }
        super().__init__(folder, number=2, queue_size=20, load=load_scripted, more=more)

    def __enter__(self) -> KeyedServer:
        super().__enter__()
        return self

    def add_key(self, **fields: Any) -> str:
        """A new key with these fields."""
        reply = self._manage("POST", "/admin/keys", {"label": "a test", **fields})
        assert reply.status == 201, reply
        return str(reply.json["secret"])

    def revoke(self, key: str) -> None:
        """Revoke a key; it is refused within a second."""
        reply = self._manage("DELETE", f"/admin/keys/{id_of(key)}")
        assert reply.status < 300, reply

    def _manage(self, method: str, path: str, fields: dict[str, Any] | None = None) -> Reply:
        body = None if fields is None else json.dumps(fields).encode()
        headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"}
        return self.request(method, path, body, headers)
