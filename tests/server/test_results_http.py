"""GET /results/MD5: a cached result without the image."""

from __future__ import annotations

import pytest

from cache.keys import digest
from tests.support.cards import card
from tests.support.live_server import LiveServer


def test_a_kept_result(wide: LiveServer) -> None:
    miss = wide.upload(card("kept by md5"))
    md5 = miss.json["md5"]
    for path in (f"/results/{md5}", f"/results/{md5.upper()}"):
        reply = wide.get(path)
        assert (reply.status, reply.json["cache"], reply.json["md5"]) == (200, "hit", md5)
        assert reply.json["data"] == miss.json["data"]
        assert reply.headers["X-Cache"] == "hit"
        assert int(reply.headers["Age"]) >= 0
        assert reply.headers["ETag"].startswith('"')


def test_a_result_in_other_formats(wide: LiveServer) -> None:
    md5 = wide.upload(card("plain words")).json["md5"]
    assert wide.get(f"/results/{md5}?format=text").body == b"plain words\n"
    assert wide.get(f"/results/{md5}?format=legacy").json[0][1][0] == "plain words"


@pytest.mark.parametrize("listed", ["{tag}", '"other", {tag}', "*", "W/{tag}"])
def test_the_client_has_it_already(wide: LiveServer, listed: str) -> None:
    url = f"/results/{wide.upload(card('tagged')).json['md5']}"
    tag = wide.get(url).headers["ETag"]
    reply = wide.get(url, {"If-None-Match": listed.format(tag=tag)})
    assert (reply.status, reply.body) == (304, b"")
    assert reply.headers["ETag"] == tag


def test_a_tag_of_another_result_or_format(wide: LiveServer) -> None:
    url = f"/results/{wide.upload(card('tagged')).json['md5']}"
    text_tag = wide.get(f"{url}?format=text").headers["ETag"]
    for tag in ('"0123"', text_tag):
        assert wide.get(url, {"If-None-Match": tag}).status == 200


def test_a_result_that_is_not_kept(wide: LiveServer) -> None:
    reply = wide.get(f"/results/{'0' * 32}")
    assert (reply.status, reply.code) == (404, "not_found")
    assert "X-Cache" not in reply.headers or reply.headers["X-Cache"] != "hit"


def test_options_are_part_of_the_key(wide: LiveServer) -> None:
    md5 = digest(card("options")).md5
    wide.upload(card("options"), det_db_thresh="0.15")
    assert wide.get(f"/results/{md5}?det_db_thresh=0.15").status == 200
    assert wide.get(f"/results/{md5}?det_db_thresh=0.16").status == 404


@pytest.mark.parametrize("query", ["colour=1", "drop_score=7", "format=xml", "timeout_ms=5"])
def test_parameters_that_are_wrong(wide: LiveServer, query: str) -> None:
    reply = wide.get(f"/results/{'0' * 32}?{query}")
    assert (reply.status, reply.code) == (400, "bad_field")
    assert query.partition("=")[0] in reply.json["error"]["message"]


def test_server_timing_and_x_cache_are_on_every_answer_with_text(wide: LiveServer) -> None:
    upload = wide.upload(card("on every answer"))
    job = wide.upload(card("on every answer"), block_flag="0").json["job"]["url"]
    replies = {
        "upload": upload,
        "ocr": wide.upload(card("on every answer"), path="/ocr"),
        "result": wide.get(f"/results/{upload.json['md5']}"),
        "job": wide.get(f"{job}?wait=10"),
    }
    wanted = ("X-Request-Id", "Server-Timing", "X-Cache")
    missing = [
        f"{header} on {name}"
        for name, reply in replies.items()
        for header in wanted
        if header not in reply.headers
    ]
    assert not missing
