"""The broken images are the same in every run, and of every kind."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import islice
from random import Random

import pytest

from broken_images import MUTATIONS, broken_image, broken_images
from image_structures import pieces
from ocr_engine.errors import ImageError
from ocr_engine.images.decode import decode
from odd_images import ODD
from plain_images import VARIANTS, plain
from tests.support.checkout import ROOT

MANY = 1000
SOME = 60


def digest_of(seed: int, count: int) -> str:
    """One digest over names and bytes."""
    digest = hashlib.sha256()
    for name, image in islice(broken_images(seed), count):
        digest.update(name.encode() + image)
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest_of(7, SOME) == digest_of(7, SOME)
    assert digest_of(7, SOME) != digest_of(8, SOME)


def test_another_process_makes_the_same_image() -> None:
    """Also with other hashes of texts."""
    for number in (3, 14):
        command = [sys.executable, str(ROOT / "tools" / "broken_images.py"), "7", str(number)]
        done = subprocess.run(command, capture_output=True, check=True, env={"PYTHONHASHSEED": "5"})
        assert done.stdout == broken_image(7, number)[1]


def test_every_kind_and_every_mutation_comes_and_is_named() -> None:
    names = [name for name, _ in islice(broken_images(1), MANY)]
    assert len(set(names)) == MANY
    for kind in [*ODD, *MUTATIONS, *(" ".join(variant) for variant in VARIANTS)]:
        assert any(kind in name for name in names), kind


def test_many_are_read_and_many_are_refused() -> None:
    refused = 0
    for _, image in islice(broken_images(2), SOME):
        try:
            decode(image, 2_000_000)
        except ImageError:
            refused += 1
    assert SOME // 4 < refused < SOME


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_changes_most_images_and_takes_any_bytes(mutation: str) -> None:
    mutate = MUTATIONS[mutation]
    changed = [mutate(plain(*variant), Random(1)) != plain(*variant) for variant in VARIANTS]
    assert sum(changed) > len(VARIANTS) // 2
    for image in (b"", b"\xff", b"GIF89a", b"II*\0" + b"\xff" * 9, b"\x89PNG\r\n\x1a\n"):
        assert isinstance(mutate(image, Random(2)), bytes)


@pytest.mark.parametrize("variant", VARIANTS, ids=" ".join)
def test_pieces_are_the_image(variant: tuple[str, str]) -> None:
    parts = pieces(plain(*variant))
    assert len(parts) >= 2
    assert b"".join(parts) == plain(*variant)
    assert decode(plain(*variant), 100_000).pixels.shape[2] == 3
