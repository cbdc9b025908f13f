"""Buckets of a real S3 server: listing, reading, and results that are put with care."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import obstore
import pytest

from server.formats.rendering import Rendering
from server.objects.bucket import Bucket, open_bucket
from server.objects.errors import ObjectGone, ReadFailure, StoreUnavailable
from server.objects.found import Found
from server.objects.result import ObjectResult, Reading, Version, error_of, result_of
from server.objects.sinks.bucket import BucketSink
from server.objects.sources.bucket import BucketSource
from server.settings.loading import build
from server.settings.storage_settings import StorageSettings
from tests.support.object_stores import SeaweedFS
from tests.support.objects import document_of

ODD_KEYS = ["in/a b+c#ä%.png", "in/q?&=~@'().png", "in/漢字/100%.png", "in/a%20b.png"]

T = TypeVar("T")


def run(test: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(test, 30))


def bucket(seaweedfs: SeaweedFS, name: str = "scans", **more: Any) -> Bucket:
    return open_bucket(name, build(StorageSettings, {**seaweedfs.settings, **more}, ""))


async def listed(source: BucketSource) -> list[Found]:
    return [each async for several in source.found() for each in several]


def test_everything_below_the_prefixes_is_found_with_its_version(seaweedfs: SeaweedFS) -> None:
    for key in ODD_KEYS:
        seaweedfs.put(key, key.encode())
    seaweedfs.put("inside/a.png", b"another prefix")
    seaweedfs.put("in/empty.png", b"")
    found = run(listed(BucketSource(bucket(seaweedfs), ["in/"])))
    assert {(each.source, each.key, each.etag, each.size) for each in found} == {
        ("s3://scans", key, hashlib.md5(key.encode()).hexdigest(), len(key.encode()))
        for key in ODD_KEYS
    }
    assert all(each.modified_at for each in found)


def test_a_listing_of_several_pages_is_complete(seaweedfs: SeaweedFS) -> None:
    store = seaweedfs.store()
    keys = [f"in/{number:04}.png" for number in range(1100)]

    async def put() -> None:
        for start in range(0, len(keys), 50):
            several = keys[start : start + 50]
            await asyncio.gather(*(obstore.put_async(store, key, b"x") for key in several))

    run(put())
    found = run(listed(BucketSource(bucket(seaweedfs), ["in/"])))
    assert sorted(each.key for each in found) == keys


def test_only_names_with_the_suffixes_are_found(seaweedfs: SeaweedFS) -> None:
    for key in ("in/a.PNG", "in/b.jpg", "in/c.txt"):
        seaweedfs.put(key, b"x")
    source = BucketSource(bucket(seaweedfs), ["in/"], (".png", ".jpg"))
    assert sorted(each.key for each in run(listed(source))) == ["in/a.PNG", "in/b.jpg"]
    assert not source.has("in/d.pdf")
    assert not source.has("out/a.png")


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_is_read_by_its_key(seaweedfs: SeaweedFS, key: str) -> None:
    etag = seaweedfs.put(key, b"the image")

    async def test() -> None:
        opened = await bucket(seaweedfs).open(key)
        assert (opened.etag, opened.size, await opened.read()) == (etag, 9, b"the image")

    run(test())


def test_an_object_that_is_not_there_is_gone(seaweedfs: SeaweedFS) -> None:
    with pytest.raises(ObjectGone):
        run(bucket(seaweedfs).open("in/nothing.png"))


def test_a_store_that_refuses_or_does_not_answer_is_unavailable(seaweedfs: SeaweedFS) -> None:
    seaweedfs.put("in/a.png", b"x")
    for wrong in ({"secret_access_key": "wrong"}, {"endpoint": "http://127.0.0.1:9"}):
        with pytest.raises(StoreUnavailable) as raised:
            run(bucket(seaweedfs, **wrong).open("in/a.png"))
        assert str(raised.value).startswith("s3://scans: ")
        assert "wrong" not in str(raised.value)
    with pytest.raises(StoreUnavailable):
        run(listed(BucketSource(bucket(seaweedfs, "no-such-bucket"), [""])))


def result(text: str, etag: str) -> ObjectResult:
    reading = Reading(document_of(text), "0" * 32, 1.0)
    return result_of(Version("s3://scans", "in/a.png", etag), reading, Rendering())


def test_a_result_is_put_with_the_version_that_it_was_made_from(seaweedfs: SeaweedFS) -> None:
    async def test() -> None:
        sink = BucketSink(bucket(seaweedfs, "texts"), "out/", ".json")
        one, two = result("one", 'odd " etag'), result("two", "2")
        assert not await sink.has(one.version)
        await sink.put(one, again=False)
        assert await sink.has(one.version)
        await sink.put(two, again=True)
        assert not await sink.has(one.version)
        assert await sink.has(two.version)

    run(test())
    assert seaweedfs.keys(bucket="texts") == ["out/in/a.png.json"]
    assert json.loads(seaweedfs.get("out/in/a.png.json", "texts"))["data"]["text"] == "two"
    metadata = seaweedfs.metadata("out/in/a.png.json", "texts")
    assert metadata["Content-Type"].startswith("application/json")
    assert metadata["made-from"] == "2"


def test_a_result_that_somebody_else_replaces_is_not_overwritten(
    seaweedfs: SeaweedFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes put results of two versions at the same time."""
    real = obstore.head_async

    async def head_and_replace(store: Any, key: str) -> Any:
        meta = await real(store, key)
        await obstore.put_async(store, key, b"from another process")
        return meta

    async def test() -> None:
        sink = BucketSink(bucket(seaweedfs, "texts"), "", ".json")
        await sink.put(result("one", "1"), again=False)
        monkeypatch.setattr(obstore, "head_async", head_and_replace)
        with pytest.raises(StoreUnavailable):
            await sink.put(result("two", "2"), again=True)

    run(test())
    assert seaweedfs.get("in/a.png.json", "texts") == b"from another process"


def test_the_error_of_an_earlier_version_is_deleted(seaweedfs: SeaweedFS) -> None:
    version = Version("s3://scans", "in/a.png", "1")
    failure = error_of(version, ReadFailure("invalid_image", "the header is cut off"))

    async def test() -> None:
        sink = BucketSink(bucket(seaweedfs, "texts"), "", ".json")
        await sink.put(failure, again=False)
        assert seaweedfs.keys(bucket="texts") == ["in/a.png.error.json"]
        assert not await sink.has(version)
        mended = result("one", "2")
        await sink.put(dataclasses.replace(mended, replaces_error=True), again=True)

    run(test())
    assert seaweedfs.keys(bucket="texts") == ["in/a.png.json"]
