"""Places in buckets, and the check that results are not read as objects."""

from __future__ import annotations

import pytest

from ocr_cli.recognize.reader import TEXT_FORMATS
from server.settings.loading import SettingsError, build
from server.settings.places import BucketPlace, kind_of_results, parse_bucket_place
from server.settings.settings import Settings, constraint_of
from server.settings.storage import watched_places
from server.settings.storage_settings import StorageSettings


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://scans", BucketPlace("scans")),
        ("s3://scans/", BucketPlace("scans")),
        ("s3://scans/in", BucketPlace("scans", "in/")),
        ("s3://scans/in/2026/", BucketPlace("scans", "in/2026/")),
    ],
)
def test_a_place_has_a_bucket_and_a_prefix_that_ends_with_a_slash(
    text: str, place: BucketPlace
) -> None:
    assert parse_bucket_place(text) == place


@pytest.mark.parametrize(
    "text", ["scans", "s3:/scans", "s3://", "s3://aaa//b", "s3://aaa/../b", ""]
)
def test_other_texts_are_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="expected s3://BUCKET"):
        parse_bucket_place(text)


def test_a_place_has_what_is_below_it() -> None:
    place = BucketPlace("scans", "in/")
    assert place.has("scans", "in/a.png")
    assert not place.has("scans", "inside/a.png")
    assert not place.has("other", "in/a.png")


def test_results_have_four_kinds_of_places() -> None:
    texts = ("s3://texts/out", "database", "results.jsonl", "texts")
    assert list(map(kind_of_results, texts)) == ["bucket", "database", "lines", "folder"]


def checked(watch: list[str], results: list[str]) -> tuple[BucketPlace, ...]:
    values = {"storage": {"watch": watch, "results": results}}
    return watched_places(build(Settings, values, ""))


@pytest.mark.parametrize(
    ("watch", "results"),
    [
        (["s3://scans/in"], ["s3://scans/out"]),
        (["s3://scans"], ["s3://texts"]),
        (["s3://scans/in", "s3://scans/more"], ["s3://scans/out", "database", "a.jsonl"]),
        (["s3://one/in", "s3://two/in"], ["s3://texts/{bucket}/"]),
        (["s3://one", "s3://two"], ["database", "a.jsonl"]),
        ([], []),
    ],
)
def test_results_that_are_not_watched_are_accepted(watch: list[str], results: list[str]) -> None:
    assert [str(place).rstrip("/") for place in checked(watch, results)] == watch


@pytest.mark.parametrize(
    ("watch", "results", "words"),
    [
        (["s3://scans"], ["s3://scans/out"], "s3://scans/, which is watched"),
        (["s3://scans/in"], ["s3://scans/in/out"], "s3://scans/in/, which is watched"),
        (["s3://scans/in"], ["s3://scans"], "s3://scans/in/, which is watched"),
        (["s3://scans/a/in", "s3://scans/in"], ["s3://scans/a/"], "which is watched"),
        (["s3://one/x", "s3://two"], ["s3://two/{bucket}"], "s3://two/, which is watched"),
        (["s3://one/in", "s3://two/in"], ["s3://texts/out"], "add {bucket}"),
        (["s3://one/in", "s3://two/in"], ["/texts"], "add {bucket}"),
        (["s3://scans/in"], [], "storage.results is empty"),
    ],
)
def test_results_that_would_be_read_again_or_replaced_are_refused(
    watch: list[str], results: list[str], words: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        checked(watch, results)
    assert words in str(raised.value)


def test_the_formats_of_results_are_those_that_have_files() -> None:
    assert constraint_of(StorageSettings, "format").schema()["enum"] == list(TEXT_FORMATS)
