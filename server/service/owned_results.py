"""The cached results by their owners: who finds them, and how they are erased."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from cache.keys import CacheKey
from cache.recent_images import RecentImages
from cache.result_cache import CachedResult, ResultCache
from cache.written_files import WrittenFiles
from ocr_engine.engine import ANONYMOUS_USER, Engine
from ocr_engine.options import RecognitionOptions
from server.service.sharing import Sharing


class OwnedResults:
    """Results and recent images in memory, files written from results, and what others share.

    private: each user finds only its own results, flights and images; otherwise all users share
    them (cache.scope). Users: as in Turn. files: written from results. when_erased: called when
    results are erased, so that copies that are kept elsewhere are deleted.
    """

    def __init__(
        self,
        engine: Engine,
        cache: ResultCache,
        recent: RecentImages,
        files: WrittenFiles[Any],
        private: bool,
        when_erased: Callable[[], None] | None,
        sharing: Sharing | None,
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._recent = recent
        self._files = files
        self._private = private
        self._when_erased = when_erased
        self._sharing = sharing

    @property
    def all_share(self) -> bool:
        """Whether results belong to all users."""
        return not self._private

    def owner(self, user: str) -> str:
        """The owner of a user's results; see CacheKey."""
        return user if self._private else ""

    def key(self, md5: str, options: RecognitionOptions, owner: str) -> CacheKey:
        """The key of a result that the present models have read."""
        models = self._engine.models.find(options.models).fingerprint
        return CacheKey(md5, _fingerprint(options), models, owner)

    async def find(
        self, md5: str, options: RecognitionOptions, user: str = ANONYMOUS_USER
    ) -> CachedResult | None:
        """A cached result of this user by the image's MD5; other servers may have it."""
        key = self.key(md5, options, self.owner(user))
        kept = self._cache.get(key)
        if kept is None and self._sharing is not None:
            shared = await self._sharing.find(key)
            if shared is not None:
                self._cache.restore(shared)
                kept = self._cache.get(key)
        return kept

    def erase(self, user: str, md5: str | None = None) -> bool:
        """Delete the results and copies of all images of a user, or of the image with this MD5.

        False if there is no result. With a shared cache, results belong to all users, so nothing is
        deleted without an MD5.
        """
        if md5 is None and not self._private:
            return False
        found = self.forget(self.owner(user), md5)
        if self._when_erased is not None:
            self._when_erased()
        return found

    async def erase_everywhere(self, user: str, md5: str) -> bool:
        """As erase(), also on all other servers; StorageUnavailable if they cannot be told."""
        found = False
        if self._sharing is not None:
            found = await self._sharing.erase(self.owner(user), md5)
        return self.erase(user, md5) or found

    def forget(self, owner: str, md5: str | None) -> bool:
        """Delete what this process has of an owner; see CacheKey. False if there is no result."""
        self._recent.forget(owner, md5)
        files = self._files.forget(owner, md5)
        return self._cache.forget(owner, md5) + files > 0


@functools.lru_cache(maxsize=256)
def _fingerprint(options: RecognitionOptions) -> str:
    return options.fingerprint()
