"""A bucket of an S3 server, by the library obstore.

Imported only if a place in a bucket is named: the extra `s3` has the library.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from server.objects.errors import ObjectGone, StoreUnavailable
from server.objects.found import MAX_ETAG, Found, plain_etag
from server.objects.sources.source import OpenedObject
from server.settings.storage_settings import StorageSettings

LISTED_AT_ONCE = 1000
CONNECT_SECONDS = 5
TRANSFER_SECONDS = 60
RETRY_SECONDS = 10
MAX_MESSAGE = 300
MADE_FROM = "made-from"  # metadata of a result: the version of its object

_REFUSED = (PermissionDeniedError, UnauthenticatedError)


class Bucket:
    """One bucket; all calls raise StoreUnavailable if it does not answer, or refuses.

    The etag of an object is the one that the store names, without quotes.
    """

    def __init__(self, name: str, store: S3Store) -> None:
        self.name = name
        self._store = store

    async def listed(self, prefix: str) -> AsyncIterator[Sequence[Found]]:
        """All objects below a prefix, in pieces."""
        with _translated(self.name):
            stream = obstore.list(self._store, prefix or None, chunk_size=LISTED_AT_ONCE)
            async for chunk in stream:
                yield [self._found(meta) for meta in chunk]

    async def open(self, key: str) -> OpenedObject:
        """The object; ObjectGone if there is none."""
        with _translated(self.name):
            try:
                answer = await obstore.get_async(self._store, key)
            except FileNotFoundError:
                raise ObjectGone(key) from None
        meta = answer.meta

        async def read() -> bytes:
            with _translated(self.name):
                return bytes(await answer.bytes_async())

        return OpenedObject(_etag(meta), meta["size"], read)

    async def made_from(self, key: str) -> str | None:
        """The version that this result was made from; None if it is not known."""
        with _translated(self.name):
            try:
                answer = await obstore.get_async(self._store, key, options={"head": True})
            except (FileNotFoundError, *_REFUSED):
                return None
            return unquote(str(answer.attributes.get(MADE_FROM, ""))) or None

    async def put(self, key: str, data: bytes, media_type: str, made_from: str) -> None:
        """Put a result; StoreUnavailable also if another process replaces it just now."""
        attributes = {"Content-Type": media_type, MADE_FROM: quote(made_from)}
        with _translated(self.name):
            with contextlib.suppress(AlreadyExistsError):
                await self._put(key, data, attributes, "create")
                return
            try:
                meta = await obstore.head_async(self._store, key)
            except (FileNotFoundError, *_REFUSED):  # results may be written, but not read
                await self._put(key, data, attributes, "overwrite")
                return
            await self._put(key, data, attributes, {"e_tag": meta["e_tag"]})

    async def delete(self, key: str) -> bool:
        """Delete a result; False if that is not allowed."""
        with _translated(self.name):
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                pass
            except _REFUSED:
                return False
        return True

    async def _put(self, key: str, data: bytes, attributes: dict[str, str], mode: Any) -> None:
        try:
            await obstore.put_async(self._store, key, data, attributes=attributes, mode=mode)
        except NotSupportedError:  # by an older store; the same result is put again at worst
            await obstore.put_async(self._store, key, data, attributes=attributes)
        except PreconditionError:
            if mode != "create":
                raise
            raise AlreadyExistsError(key) from None

    def _found(self, meta: Any) -> Found:
        modified = meta["last_modified"].timestamp()
        return Found(self.name, meta["path"], _etag(meta), meta["size"], modified)


def open_bucket(name: str, settings: StorageSettings) -> Bucket:
    """A bucket, as the settings say, or else the environment; nothing is sent yet."""
    secret = settings.secret_access_key
    options = {
        "endpoint": settings.endpoint,
        "region": settings.region,
        "access_key_id": settings.access_key_id,
        "secret_access_key": secret.reveal() if secret is not None else None,
    }
    store = S3Store(
        name,
        config={key: value for key, value in options.items() if value is not None},  # type: ignore[arg-type]
        client_options={
            "allow_http": (settings.endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=TRANSFER_SECONDS),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )
    return Bucket(f"s3://{name}", store)


def _etag(meta: Any) -> str:
    etag = meta["e_tag"] or f"{meta['last_modified'].timestamp()}-{meta['size']}"
    return plain_etag(etag)[:MAX_ETAG]


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        reason = " ".join(str(error).split())[:MAX_MESSAGE]
        raise StoreUnavailable(f"{name}: {reason or type(error).__name__}") from error
