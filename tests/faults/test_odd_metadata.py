"""Rows 50 and 51: TIFFs that make a decoder write warnings, and invalid EXIF."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from image_structures import TIFF_SHORT, TiffTag, grey_tags, png_chunk, tiff, with_chunks
from plain_images import SIZE, TEXT, drawn, plain
from tests.support.error_replies import assert_error
from tests.support.http_client import Reply
from tests.support.odd_exif import KINDS, TAGS, TURNED_LEFT, exif_with, jpeg_with, odd_exif
from tests.support.server_process import ServerProcess

PRIVATE_TAGS = 20_000  # unknown to all libraries
MOST_TAGS = 512
FAX = (2, 3, 4)
COMPRESSIONS = (1, *FAX, 5, 6, 7, 8, 32773, 32809, 34661, 34676, 34887, 34925, 50000, 50001, 65000)
NOISE = Random(50).randbytes(100_000)
SIDES = (1000, 2000)
LOG_BYTES = 20_000


def letters(text: str) -> str:
    return "".join(text.split())


def tagged(count: int, kind: int) -> bytes:
    """A valid TIFF of 16 x 8 pixels with this many tags, nine of which are standard."""
    tags: list[TiffTag] = [(PRIVATE_TAGS + n, kind, 1, n) for n in range(count - 9)]
    pixels_at = 8 + 2 + 12 * count + 4
    return tiff([[*grey_tags(16, 8, pixels_at), *tags]]) + bytes(128)


def of_noise(compression: int, depth: int) -> bytes:
    """A TIFF with noise as pixels, which few decoders accept."""
    values = {
        tag: (kind, 1, value) for tag, kind, _, value in grey_tags(*SIDES, 8 + 2 + 9 * 12 + 4)
    }
    values[258] = (TIFF_SHORT, 1, depth)
    values[259] = (TIFF_SHORT, 1, compression)
    values[279] = (4, 1, len(NOISE))
    return tiff([[(tag, *value) for tag, value in values.items()]]) + NOISE


def noisy_tiffs() -> Iterator[bytes]:
    """Tags of every type and of none, up to the limit; noise and odd values for pixels."""
    for kind in range(19):
        yield tagged(MOST_TAGS, kind)
    for compression in COMPRESSIONS:
        yield from (of_noise(compression, depth) for depth in (1, 8))
    many_pages = [sorted([*grey_tags(16, 8, 200_000), (PRIVATE_TAGS, 17, 1, 0)])] * 1000
    yield tiff(many_pages).ljust(200_000, b"\0") + bytes(128)
    samples = {277: (TIFF_SHORT, 1, 65535), 258: (TIFF_SHORT, 0xFFFFFFFF, 8)}
    tags = {tag: tuple(rest) for tag, *rest in grey_tags(16, 8, 8)} | samples
    yield tiff([[(tag, *rest) for tag, rest in tags.items()]]) + bytes(128)


@pytest.mark.faults(50)
@pytest.mark.parametrize("kind", [0, 2, 16, 17, 18])
def test_a_tiff_of_thousands_of_tags_is_refused(fakes: ServerProcess, kind: int) -> None:
    logged = len(fakes.output)
    done = fakes.health()["completed"]
    for count in (MOST_TAGS + 1, 4000, 40_000):
        reply = fakes.upload(tagged(count, kind))
        assert_error(reply, 422, "invalid_image", f"{count} tags", str(MOST_TAGS))
    assert fakes.health()["completed"] == done  # no worker has seen it
    assert len(fakes.output) - logged < LOG_BYTES


@pytest.mark.faults(50)
def test_what_libtiff_says_of_an_image_does_not_fill_the_log(fakes: ServerProcess) -> None:
    images = list(noisy_tiffs())
    logged = len(fakes.output)
    statuses = [fakes.upload(image).status for image in images]
    assert set(statuses) == {200, 422}
    assert statuses[:19] == [200] * 19
    assert len(fakes.output) - logged < LOG_BYTES
    assert "TIFF" not in fakes.output[logged:]


@pytest.mark.faults(51)
def test_images_with_an_odd_tag_and_an_orientation_are_read(
    fakes: ServerProcess,
) -> None:
    stored = drawn().transpose(TURNED_LEFT)

    def send(named: tuple[str, bytes]) -> tuple[str, Reply]:
        name, exif = named
        return name, fakes.upload(jpeg_with(exif, stored))

    with ThreadPoolExecutor(4) as clients:
        replies = list(clients.map(send, odd_exif()))
    assert len(replies) == len(TAGS) * len(KINDS) == 260
    for name, reply in replies:
        assert reply.status == 200, (name, reply.body)
        assert (reply.json["data"]["width"], reply.json["data"]["height"]) == SIZE, name


@pytest.mark.faults(51)
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_with_an_odd_resolution_is_read_upright(models: ServerProcess, kind: int) -> None:
    stored = drawn().transpose(TURNED_LEFT)
    reply = models.upload(jpeg_with(exif_with(*TAGS["XResolution"], kind), stored))
    assert (reply.status, letters(reply.text)) == (200, letters(TEXT))


@pytest.mark.faults(51)
@pytest.mark.parametrize("junk", [b"junk", b"", b"II*\0", b"Exif\0\0Exif\0\0junk"])
def test_exif_in_a_png_that_is_none(models: ServerProcess, junk: bytes) -> None:
    reply = models.upload(with_chunks(plain("PNG", "RGB"), png_chunk(b"eXIf", junk)))
    assert (reply.status, letters(reply.text)) == (200, letters(TEXT))
