"""Connections to the database: transactions on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.database.database_file import DatabaseFile
from server.database.location import Location
from server.errors import StorageUnavailable

CONNECT_SECONDS = 5
BUSY_MILLISECONDS = 5_000  # how long SQLite waits for another process that writes
TURN_SECONDS = 5.0  # how long a writer waits for others of this process
CONNECTIONS = 5
MORE_CONNECTIONS = 5

Result = TypeVar("Result")
Insert = sqlite.Insert | postgresql.Insert


class Database:
    """A pool of connections; all calls raise StorageUnavailable if the server does not answer.

    file: the file of SQLite; None for PostgreSQL.
    """

    def __init__(self, engine: AsyncEngine, file: DatabaseFile | None = None) -> None:
        self._engine = engine
        self._file = file
        self.kind = engine.dialect.name
        # SQLite has one writer: waiting here costs less than waiting in its busy handler.
        one = self.kind == "sqlite"
        self._writing = asyncio.Lock() if one else None
        self._open = 0  # transactions
        self._connection = _SqliteConnection if one else AsyncConnection
        self._call = _finished if one else _plain

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes nothing."""
        with _translated():
            async with self._connected() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; committed at the end, rolled back after an error.

        On SQLite it holds the write lock from its beginning, since an upgrade from a read would
        fail whenever another process writes.
        """
        with _translated():
            async with self._turn(), self._connected() as connection:
                await connection.execution_options(immediate=True)
                transaction = connection.begin()
                await self._call(transaction.start())
                try:
                    yield connection
                except BaseException:
                    await self._call(transaction.rollback())
                    raise
                await self._call(transaction.commit())
            self._check_file()  # or the commit may have gone to a deleted file

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The turn of a writer; StorageUnavailable if others take too long."""
        if self._writing is None:
            yield
            return
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._writing.acquire()
        except TimeoutError:
            raise StorageUnavailable("the database is busy; try again later") from None
        try:
            yield
        finally:
            self._writing.release()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        self._check_file()
        connection = self._connection(self._engine)
        self._open += 1
        try:
            await self._call(connection.start())
            yield connection
        finally:
            try:
                if connection.sync_connection is not None:
                    await self._call(connection.close())
            finally:
                self._open -= 1

    async def drop_deleted(self) -> bool:
        """Remove deleted rows from SQLite's write-ahead log, too; False if others still read it."""
        if self.kind != "sqlite":
            return True
        with _translated():
            async with self._turn(), self._connected() as connection:
                return await self._call(_truncate_log(connection))

    def insert(self, table: Table) -> Insert:
        """An INSERT of this dialect, which has on_conflict_do_nothing() and _do_update()."""
        return sqlite.insert(table) if self.kind == "sqlite" else postgresql.insert(table)

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check()

    async def close(self) -> None:
        """Close all connections, when the last transactions have ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TURN_SECONDS):
                while self._open:
                    await asyncio.sleep(0.01)
        await self._engine.dispose()


class _SqliteConnection(AsyncConnection):
    """Finishes each statement, also if its task is cancelled.

    aiosqlite runs the statement in a thread, where it cannot be stopped. If the task ended first,
    the connection would stay in a transaction that nobody ends, and hold the write lock.
    """

    async def execute(self, *arguments: Any, **named: Any) -> Any:
        """See AsyncConnection."""
        return await _finished(super().execute(*arguments, **named))


async def _finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Await the work to its end; if this task is cancelled meanwhile, raise CancelledError then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # mark it as retrieved; the cancellation is raised instead
        raise


async def _plain(work: Coroutine[Any, Any, Result]) -> Result:
    """Await the work: psycopg ends a statement when its task is cancelled."""
    return await work


def connect(location: Location, file: DatabaseFile | None = None) -> Database:
    """A database; nothing is opened before the first transaction. file: see Database."""
    if location.file is not None:
        engine = create_async_engine(
            location.async_url, pool_size=CONNECTIONS, max_overflow=MORE_CONNECTIONS
        )
        event.listen(engine.sync_engine, "connect", prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return Database(engine, file)
    engine = create_async_engine(
        location.async_url,
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "prepare_threshold": None},
    )
    return Database(engine)


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except IntegrityError:
        raise  # of a row, not of the server
    except (DBAPIError, PoolTimeout, OSError) as error:
        raise StorageUnavailable("the database does not answer; try again later") from error


def prepare_sqlite(connection: Any, _: Any) -> None:
    """Make commits durable, and let readers never wait; _begin_sqlite() begins transactions."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_MILLISECONDS}",
        "foreign_keys=ON",
        "secure_delete=ON",  # nothing of a deleted row remains in free pages
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _truncate_log(connection: AsyncConnection) -> bool:
    """Empty the log, on the raw connection, because SQLAlchemy would begin a transaction."""
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    rows = await raw.driver_connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    ((busy, _, _),) = rows
    return not busy


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
