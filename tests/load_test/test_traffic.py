"""The requests of a load; unique images have new bytes and the same pixels."""

from __future__ import annotations

import base64
import io
import json
import random
from argparse import ArgumentTypeError
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from load_test.requests import Mode, PreparedImage, RequestTemplate
from load_test.traffic import KINDS, Request, Scenario, Traffic, parse_mix

NAMES = ("a.jpg", "b.png", "c.gif")


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for name in NAMES:
        Image.effect_noise((40, 24), 80).convert("L").save(tmp_path / name)
    return [tmp_path / name for name in NAMES]


def prepared(paths: list[Path], mode: Mode = "file") -> list[PreparedImage]:
    template = RequestTemplate(
        "localhost:1", "/ocr_service", mode, {"drop_score": "0.7"}, {"X-Key": "k"}
    )
    return [PreparedImage(path, template) for path in paths]


def traffic(paths: list[Path], scenario: Scenario, seed: int = 1) -> Traffic:
    return Traffic(scenario, prepared(paths), random.Random(seed))


def taken(source: Traffic, count: int) -> list[Request]:
    return [next(source) for _ in range(count)]


def test_a_mix_has_its_shares(paths: list[Path]) -> None:
    requests = taken(traffic(paths, parse_mix("unique=60,duplicate=20,cached=20")), 3000)
    counts = Counter(request.kind for request in requests)
    assert counts["unique"] == pytest.approx(1800, rel=0.1)
    assert counts["duplicate"] == pytest.approx(600, rel=0.15)
    assert counts["cached"] == pytest.approx(600, rel=0.15)


def test_unique_requests_never_repeat_and_duplicates_repeat_the_newest(paths: list[Path]) -> None:
    seen: set[bytes] = set()
    newest = b""
    source = traffic(paths, parse_mix("unique=2,duplicate=1,cached=1"))
    posted = {request.data for request in source.cache_requests()}
    assert len(posted) == len(NAMES)
    for request in taken(source, 300):
        if request.kind == "unique":
            assert request.data not in seen | posted
            newest = request.data
        elif request.kind == "duplicate" and newest:
            assert request.data == newest
        elif request.kind == "cached":
            assert request.data in posted
        seen.add(request.data)


def test_two_loads_have_nothing_in_common(paths: list[Path]) -> None:
    first, second = (
        {request.data for request in taken(traffic(paths, parse_mix("unique=1")), 20)}
        for _ in range(2)
    )
    assert first.isdisjoint(second)


def test_the_seed_decides_the_order_of_kinds(paths: list[Path]) -> None:
    mix = parse_mix("unique=1,cached=1")
    orders = [[r.kind for r in taken(traffic(paths, mix, seed), 50)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_nothing_is_posted_beforehand_without_a_cached_share(paths: list[Path]) -> None:
    assert traffic(paths, parse_mix("unique=1,duplicate=1")).cache_requests() == []


@pytest.mark.parametrize(
    "wrong",
    ["", "unique", "unique=x", "unique=-1", "unique=nan", "unique=inf", "fresh=1",
     "unique=1,unique=2", "unique=0,cached=0"],
)  # fmt: skip
def test_invalid_mixes(wrong: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"number of a mix|unique=60"):
        parse_mix(wrong)


def test_a_mix_may_leave_kinds_out() -> None:
    assert parse_mix("cached=3").shares == (0, 0, 3)
    assert len(parse_mix(" unique=1 , cached=.5 ").shares) == len(KINDS)


def image_in(request: bytes, mode: Mode) -> bytes:
    """The image in a request; checks the length of the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert int(fields[b"Content-Length"]) == len(body)
    assert fields[b"X-Key"] == b"k"
    if mode == "base64":
        values = json.loads(body)
        assert values["drop_score"] == "0.7"
        return base64.b64decode(values["image"], validate=True)
    assert b'name="drop_score"\r\n\r\n0.7\r\n' in body
    boundary = fields[b"Content-Type"].partition(b"boundary=")[2]
    part = body.split(b"--" + boundary)[-2]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


@pytest.mark.parametrize("mode", ["file", "base64"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_fresh_requests_are_whole_and_show_the_same(
    tmp_path: Path, mode: Mode, format: str
) -> None:
    path = tmp_path / "image"
    for width in (40, 41, 42):  # all lengths modulo three, as base64 has groups of three bytes
        Image.effect_noise((width, 24), 80).save(path, format)
        (image,) = prepared([path], mode)
        plain = image_in(image.plain, mode)
        assert plain == path.read_bytes()
        for note in (b"1", b"0123456789abcdef-123456"):
            fresh = image_in(image.fresh(note), mode)
            assert fresh.count(note) >= 1
            assert fresh != plain
            with Image.open(io.BytesIO(fresh)) as new, Image.open(path) as old:
                assert new.tobytes() == old.tobytes()


def test_a_fresh_named_file_is_read_past_the_cache(paths: list[Path]) -> None:
    (image, *_) = prepared(paths, "filename")
    assert b"Cache-Control: no-cache\r\n" in image.fresh(b"1")
    assert b"Cache-Control" not in image.plain
    assert b"drop_score=0.7" in image.plain
