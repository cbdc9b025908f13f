"""The limits on open connections; the limit on their total leaves descriptors for workers."""

from __future__ import annotations

import contextlib
import resource
from collections import Counter
from dataclasses import dataclass, field

from server.http.client_address import Networks, is_trusted
from server.users.limits import network_of

MAX_DESCRIPTORS = 65_536
RESERVED_DESCRIPTORS = 64  # for the loop, logs and files that requests name
DESCRIPTORS_PER_WORKER = 8  # channel and process, twice while it is being recycled
MIN_CONNECTIONS = 8


@dataclass(slots=True)
class Connections:
    """The number of open connections, in all and by client, and their limits.

    of_one: the limit for one address, or one /64 network of IPv6; 0: none. trusted: proxies, whose
    connections belong to many clients.
    """

    limit: int
    of_one: int = 0
    trusted: Networks = ()
    open: int = 0
    _by_client: Counter[str] = field(default_factory=Counter)

    def full(self) -> bool:
        """Whether the next connection has to wait."""
        return self.open >= self.limit

    def client(self, peer: str) -> str:
        """The name under which a peer's connections are counted; empty if no limit applies."""
        if not self.of_one or is_trusted(peer, self.trusted):
            return ""
        return network_of(peer)

    def has_too_many(self, client: str) -> bool:
        """Whether the next connection of this client is refused."""
        return bool(client) and self._by_client[client] >= self.of_one

    def opened(self, client: str) -> None:
        """Count a connection."""
        self.open += 1
        if client:
            self._by_client[client] += 1

    def closed(self, client: str) -> None:
        """Count the end of a connection."""
        self.open -= 1
        if client:
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]


def raise_descriptor_limit() -> None:
    """Raise the soft limit on open files to the hard one, up to MAX_DESCRIPTORS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_number(hard), MAX_DESCRIPTORS)
    if _number(soft) < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_limit(workers: int) -> int:
    """The number of connections that leaves enough descriptors for workers and spares."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = min(_number(soft), MAX_DESCRIPTORS) - RESERVED_DESCRIPTORS
    return max(MIN_CONNECTIONS, spare - DESCRIPTORS_PER_WORKER * workers)


def _number(limit: int) -> int:
    return MAX_DESCRIPTORS if limit == resource.RLIM_INFINITY else limit
