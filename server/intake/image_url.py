"""The source of an image that is named by its URL on another server."""

from __future__ import annotations

import asyncio
import ssl

from cache.keys import Digests
from server.errors import BodyTooLarge, MissingFile
from server.intake.fields import IMAGE_URL_FIELD
from server.intake.request import ImageBytes
from server.intake.uploaded_image import KnownDigests
from server.outbound.guard import Guard, NotResolved, UrlRefused
from server.outbound.http_exchange import ExchangeError, explained
from server.outbound.http_get import BadStatus, Reserve, TooLong, get
from server.outbound.names import Resolve
from server.outbound.shares import Shares
from server.principal import Scope
from server.settings.url_settings import ImageUrlSettings

FETCHES = 64  # concurrently; each has a connection
FETCHES_PER_USER = 16


class ImageFetcher:
    """Fetches the images of URLs, for all users.

    max_bytes: of an image. reserve: counts the bytes of an image while it arrives; QueueFull if
    there is no room for them. resolve, tls: for tests; see Names and exchange().
    """

    def __init__(
        self,
        settings: ImageUrlSettings,
        max_bytes: int,
        reserve: Reserve,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.guard = Guard(settings, resolve, IMAGE_URL_FIELD, "fetches images only from")
        self._max_bytes = max_bytes
        self._seconds = settings.seconds
        self._reserve = reserve
        self._tls = tls
        self._places = Shares(FETCHES, FETCHES_PER_USER)

    async def fetch(self, url: str, user: str) -> bytes:
        """The image; BadField, BodyTooLarge or MissingFile if there is none that is accepted.

        user: whose share of the concurrent fetches this takes.
        """
        try:
            data = await self._fetched(url, user)
        except TooLong as error:
            raise BodyTooLarge(f"the image of {self.guard.field}: {error}") from None
        except BadStatus as error:
            hint = "; redirects are not followed, send the final URL" if error.is_redirect else ""
            raise self.guard.refusal(url, ExchangeError(f"{error}{hint}")) from None
        except (UrlRefused, NotResolved, ExchangeError) as error:
            raise self.guard.refusal(url, error) from None
        if not data:
            raise MissingFile(f"{self.guard.field}: the answer of its host is empty")
        return data

    async def _fetched(self, url: str, user: str) -> bytes:
        target = self.guard.target(url)
        with explained(self._seconds):
            async with asyncio.timeout(self._seconds):
                await self._places.take(user)
                try:
                    addresses = await self.guard.addresses(target, user)
                    return await get(
                        target,
                        addresses,
                        self._max_bytes,
                        self._seconds,
                        self._reserve,
                        self._tls,
                    )
                finally:
                    await self._places.give_back(user)


class UrlImage:
    """The image at a URL, fetched on read(); see ImageSource.

    Its bytes decide its format, not its Content-Type. known: looks up the digests of its bytes.
    """

    scope: Scope = "read"

    def __init__(self, fetcher: ImageFetcher, url: str, known: KnownDigests) -> None:
        self._fetcher = fetcher
        self._url = url
        self._known = known

    async def open(self) -> None:
        """See ImageSource; BadField for a URL that is not allowed."""
        try:
            self._fetcher.guard.target(self._url)
        except UrlRefused as error:
            raise self._fetcher.guard.refusal(self._url, error) from None

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource; None, because the image may have changed since it was last fetched."""
        return None

    def bytes_to_read(self) -> int:
        """See ImageSource; 0, because the bytes are reserved when their number is known."""
        return 0

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource; BadField, MissingFile, BodyTooLarge, QueueFull."""
        data = await self._fetcher.fetch(self._url, owner)
        return ImageBytes(data, self._known(data, owner))

    def close(self) -> None:
        """See ImageSource."""
