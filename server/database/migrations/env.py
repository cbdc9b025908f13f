"""Run by alembic: connects to the database in the configuration, and runs the migrations."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, event, pool

from server.database.database import prepare_sqlite
from server.database.location import Location
from server.database.tables import METADATA


def _run() -> None:
    location: Location = context.config.attributes["location"]
    engine = create_engine(location.url, poolclass=pool.NullPool)
    if location.file is not None:
        event.listen(engine, "connect", prepare_sqlite)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=METADATA)
        with context.begin_transaction():
            context.run_migrations()


_run()
