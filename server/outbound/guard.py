"""Keeps URLs of clients away from what only this machine reaches (server-side request forgery)."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from server.errors import BadField, truncated
from server.outbound.addresses import Network, is_allowed
from server.outbound.http_exchange import port_of
from server.outbound.names import Names, Resolve
from server.settings.network_constraints import covers

MAX_URL_CHARACTERS = 2000


class UrlRules(Protocol):
    """Which URLs of one kind are allowed, as the settings say.

    allowed_hosts: if empty, all public hosts. allow_private: addresses that are allowed too.
    """

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """As in HostList."""

    @property
    def allow_private(self) -> tuple[Network, ...]:
        """As in NetworkList."""

    @property
    def allow_http(self) -> bool:
        """Whether the scheme may also be http."""


class UrlRefused(Exception):
    """Nothing may be sent there; the message says what would be accepted."""


class NotResolved(Exception):
    """The name servers do not answer at present."""


class Guard:
    """Says which URLs of a field are allowed, and which addresses a request is sent to.

    The addresses of a host are looked up once, checked, and then used for the connection: a second
    look-up could have another answer. purpose: what the server does with these hosts.
    """

    def __init__(
        self,
        rules: UrlRules,
        resolve: Resolve | None = None,
        field: str = "webhook_url",
        purpose: str = "sends webhooks only to",
    ) -> None:
        self.field = field
        self._rules = rules
        self._purpose = purpose
        self._names = Names(resolve)

    async def admit(self, url: str, user: str) -> None:
        """BadField if a job of the user with this `webhook_url` must be refused."""
        try:
            await self.addresses(self.target(url), user)
        except UrlRefused as error:
            raise self.refusal(url, error) from None
        except NotResolved:
            pass  # our name server's fault, and the message is sent later

    def refusal(self, url: str, error: Exception) -> BadField:
        """The error for the client."""
        return BadField(f"{self.field} = {truncated(url)}: {error}")

    def target(self, url: str) -> SplitResult:
        """The parts of the URL; UrlRefused if the URL itself is not accepted."""
        if not re.fullmatch(r"[!-~]+", url) or len(url) > MAX_URL_CHARACTERS:
            raise UrlRefused(f"expected a URL of at most {MAX_URL_CHARACTERS} ASCII characters")
        schemes = ("https", "http") if self._rules.allow_http else ("https",)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise UrlRefused("expected a URL such as https://example.com/path") from None
        if parts.scheme not in schemes or not host or port == 0:
            raise UrlRefused(f"expected a URL of {' or '.join(schemes)}")
        if "@" in parts.netloc:
            raise UrlRefused("expected a URL without user and password")
        if not self._is_allowed_host(host):
            raise UrlRefused(f"the server {self._purpose} the hosts of its settings")
        return parts

    async def addresses(self, target: SplitResult, user: str) -> Sequence[str]:
        """The host's addresses; UrlRefused if one is private, NotResolved if name servers are down.

        user: whose share of the look-ups this takes. A host without addresses is refused with the
        same words, so that nobody learns which names a private network has.
        """
        try:
            found = await self._names.look_up(user, target.hostname or "", port_of(target))
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise NotResolved("its name could not be looked up") from None
            found = ()
        except TimeoutError:
            raise NotResolved("its name could not be looked up") from None
        except (OSError, UnicodeError):
            found = ()
        if not found or not all(is_allowed(each, self._rules.allow_private) for each in found):
            raise UrlRefused("its host has no public address")
        return found

    def _is_allowed_host(self, host: str) -> bool:
        """Whether the host is in allowed_hosts, or this is empty."""
        allowed = [entry.lower() for entry in self._rules.allowed_hosts]
        return not allowed or covers(allowed, host)
