"""Results as objects in a bucket, with the version that they were made from as metadata."""

from __future__ import annotations

import logging

from server.objects.bucket import Bucket
from server.objects.result import ERROR_SUFFIX, ObjectResult, Version

log = logging.getLogger("server.storage")


class BucketSink:
    """See Sink. prefix: of the keys of results. suffix: of results that are no errors."""

    def __init__(self, bucket: Bucket, prefix: str, suffix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._suffix = suffix

    async def has(self, version: Version) -> bool:
        """See Sink."""
        key = self._key(version, self._suffix)
        return await self._bucket.made_from(key) == version.etag

    async def put(self, result: ObjectResult, again: bool) -> None:
        """See Sink; the error of an earlier version is deleted if that is allowed."""
        version = result.version
        key = self._key(version, result.suffix)
        await self._bucket.put(key, result.body, result.media_type, version.etag)
        if result.replaces_error:
            error = self._key(version, ERROR_SUFFIX)
            if not await self._bucket.delete(error):
                log.warning("%s: not allowed to delete %s", self._bucket.name, error)

    def close(self) -> None:
        """See Sink: nothing is open."""

    def _key(self, version: Version, suffix: str) -> str:
        return f"{self._prefix}{version.key}{suffix}"
