"""Checks that results are not found as objects again, and do not replace each other."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence

from server.settings.loading import SettingsError
from server.settings.places import (
    BUCKET_FIELD,
    SCHEME,
    BucketPlace,
    kind_of_results,
    parse_bucket_place,
    with_bucket,
)
from server.settings.settings import Settings

INSTALL = "install it with: pip install --require-hashes -r requirements/s3.txt"


def watched_places(settings: Settings) -> tuple[BucketPlace, ...]:
    """The places that the server watches; SettingsError if results cannot go where they should."""
    places = tuple(parse_bucket_place(text) for text in settings.storage.watch)
    if not places:
        return ()
    if not settings.storage.results:
        raise SettingsError(
            "storage.results is empty, and storage.watch is not: say where results go, such as "
            f'["{places[0].source}/out/"]'
        )
    try:
        check_results(places, settings.storage.results)
    except ValueError as error:
        raise SettingsError(f"storage.results: {error}") from None
    check_library((*settings.storage.watch, *settings.storage.results))
    return places


def check_library(places: Iterable[str]) -> None:
    """SettingsError if one of the places is in a bucket, and the library for that is missing."""
    for place in places:
        if place.startswith(SCHEME) and importlib.util.find_spec("obstore") is None:
            raise SettingsError(f"{place} needs the package obstore; {INSTALL}")


def check_results(watched: Sequence[BucketPlace], results: Sequence[str]) -> None:
    """ValueError if the results of objects in these places cannot go there.

    A result has the whole key of its object below the prefix of its place.
    """
    for text in results:
        kind = kind_of_results(text)
        several = len({place.bucket for place in watched}) > 1
        if several and kind in ("bucket", "folder") and BUCKET_FIELD not in text:
            raise ValueError(
                f"{text}: objects of several buckets may have the same key; add {BUCKET_FIELD}, "
                "which stands for the name of the bucket"
            )
        if kind == "bucket":
            for place in watched:
                _check_loop(text, place, watched)


def _check_loop(text: str, place: BucketPlace, watched: Sequence[BucketPlace]) -> None:
    target = parse_bucket_place(with_bucket(text, place.bucket))
    start = target.prefix + place.prefix  # of all keys of results
    for other in watched:
        meets = start.startswith(other.prefix) or other.prefix.startswith(start)
        if other.bucket == target.bucket and meets:
            raise ValueError(
                f"{text}: results would be in {other}, which is watched, and be read again; name "
                "another prefix or bucket"
            )
