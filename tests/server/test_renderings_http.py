"""Choices of rendering over HTTP: one recognition serves all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocr_engine.worker.messages import PNG_SIGNATURE
from tests.support.batches import all_jobs, encoded, post
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.made_pages import PAGE, SHOWN, TEXTS
from tests.support.watching import wait_until

BOTH = ["/ocr_service", "/ocr"]
IN_ROWS = [TEXTS[position] for position in PAGE.raster]
RENDERINGS: list[dict[str, str]] = [
    {},
    {"order": "raster"},
    {"order": "layout"},
    {"text": "paragraphs"},
    {"text": "rows"},
    {"text": "code"},
    {"layout": "true"},
    {"drop_score": "0.1"},
    {"drop_score": "0.95"},
    {"format": "text", "text": "paragraphs"},
    {"format": "legacy"},
    {"format": "markdown"},
    {"format": "tsv", "granularity": "line"},
    {"format": "alto", "granularity": "line", "order": "raster"},
]


def texts(reply: Reply) -> list[str]:
    return [line["text"] for line in reply.json["data"]["lines"]]


def answers(server: LiveServer, image: bytes) -> Iterator[bytes]:
    """What is in the answers with each choice, without what differs between requests."""
    for choice in RENDERINGS:
        reply = server.upload(image, **choice)
        assert reply.status == 200
        yield reply.body.partition(b',"cache":')[0]


@pytest.mark.parametrize("first", range(len(RENDERINGS)))
def test_one_recognition_serves_every_rendering(wide: LiveServer, first: int) -> None:
    image = card(f"made page {first}")
    wide.upload(image, **RENDERINGS[first])
    assert len(set(answers(wide, image))) == len(RENDERINGS) - 1  # layout is the default order
    assert wide.begun(f"made page {first}") == 1
    assert wide.outcomes() == {"miss": 1, "hit": len(RENDERINGS)}


def test_concurrent_renderings_join(wide: LiveServer, gate: Path) -> None:
    text = f"hold {gate}"
    jobs = [
        wide.upload(card(text), block_flag="0", **choice).json["job"]["url"]
        for choice in ({}, {"order": "raster"}, {"drop_score": "0.1"}, {"format": "markdown"})
    ]
    gate.unlink()
    assert {wide.get(f"{url}?wait=10").status for url in jobs} == {200}
    assert wide.begun(text) == 1


@pytest.mark.parametrize("path", BOTH)
def test_the_order_of_lines(wide: LiveServer, path: str) -> None:
    image = card("made page")
    assert texts(wide.upload(image, path=path)) == SHOWN
    assert texts(wide.upload(image, path=path, order="layout")) == SHOWN
    raster = wide.upload(image, path=path, order="raster", drop_score="0")
    assert texts(raster) == IN_ROWS
    assert raster.text.splitlines() == IN_ROWS


def test_lines_below_the_score_can_be_had_and_others_left_out(wide: LiveServer) -> None:
    image = card("made page")
    assert texts(wide.upload(image)) == SHOWN
    assert texts(wide.upload(image, drop_score="0.3")) == TEXTS
    assert texts(wide.upload(image, drop_score="0.31")) == SHOWN
    none = wide.upload(image, drop_score="0.91")
    assert (texts(none), none.text, none.json["data"]["confidence"]) == ([], "", 0)
    both = [wide.upload(image, drop_score=score).json["data"] for score in ("0.5", "0.3")]
    assert both[0] == wide.upload(image).json["data"]
    assert both[1]["confidence"] < both[0]["confidence"] == 0.9


def test_blocks_are_there_on_request(wide: LiveServer) -> None:
    image = card("made page")
    assert "blocks" not in wide.upload(image).json["data"]
    assert "blocks" not in wide.upload(image, layout="false").json["data"]
    data = wide.upload(image, layout="1").json["data"]
    assert [block["type"] for block in data["blocks"]][:2] == ["title", "text"]
    assert [line["text"] for line in data["lines"]] == SHOWN


def test_the_way_lines_are_joined(wide: LiveServer) -> None:
    image = card("made page")
    paragraphs = wide.upload(image, text="paragraphs").text
    assert "all the morning, and then\n" in paragraphs
    plain = wide.upload(image, format="text", text="paragraphs").body.decode()
    assert plain == f"{paragraphs}\n"
    assert "Item\tPrice\nmilk\ta|b" in wide.upload(image, text="rows").text


def test_markdown(wide: LiveServer) -> None:
    reply = wide.upload(card("made page"), format="markdown")
    assert reply.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert reply.body.decode().startswith("# A Trip # 1\n\nIt rained all the morning, and then\n")


def test_words_in_another_order_and_with_blocks(wide: LiveServer) -> None:
    data = wide.upload(
        card("made page"), granularity="word", order="raster", layout="true", drop_score="0"
    ).json["data"]
    assert [word["text"] for line in data["lines"] for word in line["words"]] == [
        word for text in IN_ROWS for word in text.split()
    ]


def test_each_drawing_has_its_own_score(wide: LiveServer) -> None:
    image = card("made page drawn")
    drawings = {
        score: wide.upload(image, format="image", drop_score=score).body
        for score in ("0.1", "0.5", "0.95")
    }
    assert all(drawing.startswith(PNG_SIGNATURE) for drawing in drawings.values())
    assert wide.begun("made page drawn") == 3
    assert wide.upload(image, format="image").body == drawings["0.5"]
    assert wide.begun("made page drawn") == 3


# --- jobs, batches and kept results


def test_a_job_is_answered_as_it_was_asked_for(wide: LiveServer) -> None:
    asked = {"order": "raster", "drop_score": "0.1", "text": "rows"}
    url = wide.upload(card("made page"), block_flag="0", **asked).json["job"]["url"]
    done = wide.get(f"{url}?wait=10")
    assert texts(done) == IN_ROWS
    assert texts(wide.get(f"{url}/result")) == IN_ROWS
    assert done.json["data"]["text"] == wide.upload(card("made page"), **asked).text


def test_a_job_is_answered_in_other_ways(wide: LiveServer) -> None:
    url = wide.upload(card("made page"), block_flag="0").json["job"]["url"]
    assert texts(wide.get(f"{url}?wait=10")) == SHOWN
    for path in (url, f"{url}/result"):
        assert texts(wide.get(f"{path}?order=raster&drop_score=0")) == IN_ROWS
        assert "blocks" in wide.get(f"{path}?layout=true").json["data"]
        assert wide.get(f"{path}?format=markdown").body.startswith(b"# A Trip")
        assert_error(wide.get(f"{path}?order=upwards"), 400, "bad_field", "layout, raster")
    assert wide.begun("made page") <= 1


def test_a_kept_result_in_every_rendering(wide: LiveServer) -> None:
    image = card("made page kept")
    md5 = wide.upload(image).json["md5"]
    tags = set()
    for choice in ({}, {"order": "raster"}, {"text": "rows"}, {"layout": "1"}, {"drop_score": "0"}):
        query = "&".join(f"{name}={value}" for name, value in choice.items())
        reply = wide.get(f"/results/{md5}?{query}")
        assert reply.json["data"] == wide.upload(image, **choice).json["data"]
        tags.add(reply.headers["ETag"])
        again = wide.get(f"/results/{md5}?{query}", {"If-None-Match": reply.headers["ETag"]})
        assert again.status == 304
    assert len(tags) == 5
    assert wide.begun("made page kept") == 1


def test_files_of_one_request_are_rendered(wide: LiveServer) -> None:
    asked = {"order": "raster", "layout": "true"}
    reply = post(wide, [card("made page")] * 2, "/batch", None, "files", **asked)
    assert reply.status == 200
    for result in reply.json["results"]:
        lines = [line["text"] for line in result["data"]["lines"]]
        assert lines == [text for text in IN_ROWS if text in SHOWN]
        assert result["data"]["blocks"][0]["type"] == "title"


def test_each_file_of_a_batch_has_its_own_rendering(wide: LiveServer) -> None:
    batch = [encoded("made page", order="raster", drop_score=0), encoded("made page")]
    url = wide.post_json({"files": batch, "text": "rows"}, "/batches").json["batch"]["url"]
    wait_until(lambda: wide.get(url).json["batch"]["state"] == "finished", "its end")
    first, second = (wide.get(f"{job['url']}/result") for job in all_jobs(wide, url))
    assert (texts(first), texts(second)) == (IN_ROWS, SHOWN)
    assert "Item\tPrice" in second.text


def test_null_and_empty_are_the_default(wide: LiveServer) -> None:
    image = card("made page")
    empty = wide.upload(image, order="", text="", layout="", drop_score="")
    assert json.dumps(empty.json["data"]) == json.dumps(wide.upload(image).json["data"])
