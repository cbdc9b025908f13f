"""Looks host names up, so that the slow names of one user do not delay those of other users."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from server.outbound.shares import Shares

RESOLVE_SECONDS = 5.0
LOOK_UPS = 32  # a name server that does not answer holds a thread for half a minute
LOOK_UPS_PER_USER = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Names:
    """The look-ups of all users. Each user has a share of the threads.

    A look-up cannot be cancelled: it holds its place until the resolver has given up, also when
    nobody waits for it any longer.
    """

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve: Resolve = _resolver() if resolve is None else resolve
        self._places = Shares(LOOK_UPS, LOOK_UPS_PER_USER)

    async def look_up(self, user: str, host: str, port: int) -> Sequence[str]:
        """The addresses of a host; TimeoutError, or what the resolver raises.

        The wait for a place is bounded, too, but does not count as part of the look-up.
        """
        async with asyncio.timeout(RESOLVE_SECONDS):
            await self._places.take(user)
        task = asyncio.ensure_future(self._run(user, host, port))
        task.add_done_callback(_note_error)
        async with asyncio.timeout(RESOLVE_SECONDS):
            return await asyncio.shield(task)

    async def _run(self, user: str, host: str, port: int) -> Sequence[str]:
        try:
            return await self._resolve(host, port)
        finally:
            await self._places.give_back(user)


def _note_error(task: asyncio.Task[Sequence[str]]) -> None:
    """Retrieve the error; otherwise asyncio logs it if nobody waits for the look-up any longer."""
    if not task.cancelled():
        task.exception()


def _resolver() -> Resolve:
    """Look names up with the system's resolver, in separate threads."""
    threads: list[ThreadPoolExecutor] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        if not threads:
            threads.append(ThreadPoolExecutor(LOOK_UPS, "host-names"))
        found = await asyncio.get_running_loop().run_in_executor(
            threads[0], lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    return resolve
