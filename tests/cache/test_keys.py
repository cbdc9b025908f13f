"""Digests of images compared with published ones."""

from __future__ import annotations

import pytest

from cache.keys import CacheKey, ImageHasher, digest

# RFC 1321 and FIPS 180-2
KNOWN = [
    (
        b"",
        "d41d8cd98f00b204e9800998ecf8427e",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        b"abc",
        "900150983cd24fb0d6963f7d28e17f72",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
]


@pytest.mark.parametrize(("data", "md5", "sha256"), KNOWN)
def test_digests_are_lower_case_hex(data: bytes, md5: str, sha256: str) -> None:
    assert digest(data).md5 == md5
    assert digest(data).sha256 == sha256


def test_chunks_give_the_same_as_the_whole() -> None:
    whole = bytes(range(256)) * 40
    hasher = ImageHasher()
    for start in range(0, len(whole), 333):
        hasher.update(memoryview(whole)[start : start + 333])
    assert hasher.digests() == digest(whole)


def test_digests_can_be_read_in_between() -> None:
    hasher = ImageHasher()
    assert hasher.digests() == digest(b"")
    hasher.update(b"ab")
    assert hasher.digests() == digest(b"ab")
    hasher.update(b"")
    hasher.update(b"c")
    assert hasher.digests() == digest(b"abc")


def test_every_part_of_a_key_counts() -> None:
    keys = {
        CacheKey("a", "b", "c"), CacheKey("x", "b", "c"), CacheKey("a", "x", "c"),
        CacheKey("a", "b", "x"), CacheKey("b", "a", "c"),
    }  # fmt: skip
    assert len(keys) == 5
    assert CacheKey("a", "b", "c") in keys
