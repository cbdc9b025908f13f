"""Recent images are matched by all their bytes, and kept within a limit."""

from __future__ import annotations

import pytest

from cache.keys import Digests, digest
from cache.recent_images import (
    EDGE_BYTES,
    ENTRY_OVERHEAD_BYTES,
    SAMPLES,
    RecentImages,
)

ROOM = 1 << 20


def image(number: int, length: int = 10_000) -> bytes:
    """An image whose first byte is its number."""
    return bytes([number]) + bytes(length - 1)


def known(recent: RecentImages, *numbers: int) -> list[int]:
    """Which images are known; each lookup counts as use, in this order."""
    return [n for n in numbers if recent.digests(image(n)) is not None]


def filled(max_bytes: int, *numbers: int) -> RecentImages:
    recent = RecentImages(max_bytes)
    for number in numbers:
        recent.remember(image(number), digest(image(number)))
    return recent


def test_an_image_is_known_by_its_bytes() -> None:
    recent = filled(ROOM, 1, 2)
    assert recent.digests(bytes(bytearray(image(1)))) == digest(image(1))
    assert recent.digests(image(2)) == digest(image(2))
    assert recent.digests(image(3)) is None
    assert recent.digests(image(1) + b"x") is None


@pytest.mark.parametrize("length", [1, SAMPLES - 1, SAMPLES, SAMPLES + 1, 1000, 100_003])
def test_every_byte_counts(length: int) -> None:
    original = bytes(length)
    recent = RecentImages(ROOM)
    recent.remember(original, digest(original))
    for place in {0, 1, length // 2, length // 2 + 1, length - 2, length - 1} & set(range(length)):
        forged = bytearray(original)
        forged[place] = 1
        assert recent.digests(bytes(forged)) is None, place
    assert recent.digests(original) == digest(original)


@pytest.mark.parametrize("place", [2, EDGE_BYTES - 1, -EDGE_BYTES, -2])
def test_images_that_differ_in_their_metadata_only_do_not_look_alike(place: int) -> None:
    one, other = bytearray(10_000), bytearray(10_000)
    other[place] = 1
    recent = RecentImages(ROOM)
    for image in (one, other):
        recent.remember(bytes(image), digest(bytes(image)))
    for image in (one, other):
        assert recent.digests(bytes(image)) == digest(bytes(image))


def test_of_images_that_look_alike_the_last_is_kept() -> None:
    """They differ in one byte that is not a sample."""
    place = EDGE_BYTES + 1
    assert place % (10_000 // SAMPLES)
    one, other = bytes(10_000), bytes(place) + b"x" + bytes(9_999 - place)
    recent = RecentImages(ROOM)
    recent.remember(one, Digests("one", "one"))
    recent.remember(other, Digests("other", "other"))
    assert recent.digests(other) == Digests("other", "other")
    assert recent.digests(one) is None
    assert len(recent) == 1
    assert recent.size_bytes == 10_000 + ENTRY_OVERHEAD_BYTES


def test_the_bytes_are_limited_and_the_least_recently_used_goes() -> None:
    size = 10_000 + ENTRY_OVERHEAD_BYTES
    recent = filled(3 * size, 1, 2, 3)
    assert recent.size_bytes == 3 * size
    assert known(recent, 1) == [1]  # 2 is now the oldest
    recent.remember(image(4), digest(image(4)))
    assert known(recent, 1, 2, 3, 4) == [1, 3, 4]
    recent.remember(image(5, 12_000), digest(image(5, 12_000)))
    assert known(recent, 1, 3, 4) == [4]
    assert recent.size_bytes == size + 12_000 + ENTRY_OVERHEAD_BYTES


def test_an_image_is_counted_once() -> None:
    recent = filled(ROOM, 1, 1)
    assert (len(recent), recent.size_bytes) == (1, 10_000 + ENTRY_OVERHEAD_BYTES)


@pytest.mark.parametrize(("max_bytes", "kept"), [(12_000, [1]), (11_999, []), (0, [])])
def test_an_image_that_does_not_fit_evicts_nothing(max_bytes: int, kept: list[int]) -> None:
    recent = filled(max_bytes, 1)
    assert known(recent, 1) == kept
    recent.remember(image(2, 20_000), digest(b""))
    assert known(recent, 1) == kept
