"""Keys of users in a database, written as the server finds them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine

from server.database.location import Location
from server.database.tables import KEY, KEY_SECRET
from server.users.key_format import digest_of, new_id, new_secret_key


def add_key(location: Location, **limits: Any) -> dict[str, str]:
    """The header with a new key; limits: columns of its row, such as daily_quota."""
    key_id = new_id()
    key = new_secret_key(key_id)
    row = {
        "label": "a test",
        "scopes": "read jobs filename",
        "weight": 1.0,
        "priority": 0,
        "created_at": 0.0,
        **limits,
    }
    engine = create_engine(location.url)
    try:
        with engine.begin() as connection:
            connection.execute(KEY.insert().values(id=key_id, **row))
            digest = digest_of(key).hex()
            connection.execute(
                KEY_SECRET.insert().values(hash=digest, key_id=key_id, created_at=0.0)
            )
    finally:
        engine.dispose()
    return {"Authorization": f"Bearer {key}"}
