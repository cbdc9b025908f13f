"""The work on one image, by the names that all servers of a cluster use in Redis."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

PREFIX = "ocr:"
CANCEL_CHANNEL = PREFIX + "cancel"
_DIGEST_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Work:
    """An image with its options, for those who may find its result.

    scope, options: digests of the owner and of the options. md5, sha256: of the image.
    """

    scope: str
    md5: str
    sha256: str
    options: str

    @property
    def key(self) -> str:
        """The name in a message; with the SHA-256, it is the whole."""
        return f"{self.scope}:{self.md5}:{self.options}"

    @property
    def results(self) -> str:
        """The hash in which the results of all images with this MD5 are kept."""
        return results_name(self.scope, self.md5)

    def field(self, fingerprint: str) -> str:
        """The field of the result in that hash. fingerprint: of the models that have read it."""
        return f"{self.options}:{digest_of(fingerprint)}:{self.sha256}"

    @property
    def claim(self) -> str:
        """The key of the claim: its holder has the image read, others wait for the result."""
        return f"{PREFIX}flight:{self.key}:{self.sha256}"

    @property
    def poison(self) -> str:
        """Exists while the image is refused, because it has crashed workers or nodes."""
        return f"{PREFIX}poison:{self.scope}:{self.sha256}"

    @property
    def done_channel(self) -> str:
        """The channel on which other front ends hear that the work has ended."""
        return f"{PREFIX}done:{self.key}:{self.sha256}"


def work_of(owner: str, md5: str, sha256: str, options: str) -> Work:
    """The work on an image. owner: see CacheKey. options: their fingerprint."""
    return Work(digest_of(owner), md5, sha256, digest_of(options))


def results_name(scope: str, md5: str) -> str:
    """The name of a hash of results. scope, md5: may be patterns."""
    return f"{PREFIX}result:{scope}:{md5}"


def task_name(flight: str) -> str:
    """What the owner of a flight says of it: its attempt, and whether it was cancelled."""
    return f"{PREFIX}task:{flight}"


def blob_name(flight: str) -> str:
    """The bytes of the image, from when it is sent until its flight ends."""
    return f"{PREFIX}blob:{flight}"


def lease_name(flight: str) -> str:
    """The node that works on a flight; renewed each second."""
    return f"{PREFIX}lease:{flight}"


def outcome_name(flight: str) -> str:
    """How a flight has ended."""
    return f"{PREFIX}outcome:{flight}"


def carried_name(flight: str) -> str:
    """The result of a flight, if the server for the cache cannot keep it."""
    return f"{PREFIX}carried:{flight}"


def catalogue_name(digest: str) -> str:
    """The description of the models of nodes."""
    return f"{PREFIX}models:{digest}"


def front_channel(front: str) -> str:
    """The channel on which a front end hears of its flights."""
    return f"{PREFIX}front:{front}"


def digest_of(text: str) -> str:
    """A short digest for names."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
