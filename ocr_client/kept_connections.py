"""A pool of persistent connections to one server."""

from __future__ import annotations

import asyncio

from ocr_client.connection import Address, Connection

KEPT_SECONDS = 5.0  # idle time; servers close connections after ten seconds or more


class KeptConnections:
    """Reuses idle connections, and opens as many as are needed concurrently."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Connection] = []

    def take(self) -> Connection:
        """The most recently used open connection, or a new one."""
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and loop.time() - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.close()
        return Connection(self._address)

    def release(self, connection: Connection) -> None:
        """Keep the connection for the next request."""
        if connection.is_open:
            self._idle.append(connection)

    def close(self) -> None:
        """Close all idle connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
