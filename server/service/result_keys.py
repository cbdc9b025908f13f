"""The keys under which results are cached, and who may find them."""

from __future__ import annotations

import functools

from cache.keys import CacheKey
from ocr_engine.engine import Engine
from ocr_engine.options import RecognitionOptions


class ResultKeys:
    """Makes the keys of results. private: each user finds only its own."""

    def __init__(self, engine: Engine, private: bool) -> None:
        self.private = private
        self._engine = engine

    def owner(self, user: str) -> str:
        """Who may find the results of this user, as in CacheKey."""
        return user if self.private else ""

    def key(self, md5: str, options: RecognitionOptions, owner: str) -> CacheKey:
        """The key of a result by the default models of now, or those that the options name."""
        models = self._engine.models.find(options.models).fingerprint
        return CacheKey(md5, _fingerprint(options), models, owner)


@functools.lru_cache(maxsize=256)
def _fingerprint(options: RecognitionOptions) -> str:
    return options.fingerprint()
