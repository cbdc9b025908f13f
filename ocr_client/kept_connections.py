"""Connections to one server that are used again: see KeptConnections."""

from __future__ import annotations

import asyncio

from ocr_client.connection import Address, Connection

KEPT_SECONDS = 5.0  # while nothing is sent; servers close them after ten or more


class KeptConnections:
    """Connections that are used again; as many are opened as are needed at once."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Connection] = []

    def take(self) -> Connection:
        """The one used last, unless the server has closed it or is about to."""
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and loop.time() - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.close()
        return Connection(self._address)

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next request."""
        if connection.is_open:
            self._idle.append(connection)

    def close(self) -> None:
        """Close those that are kept."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
