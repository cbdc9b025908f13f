"""Formats and granularity over HTTP: uploads, jobs and cached results."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_engine.images.decode import decode
from ocr_engine.worker.messages import PNG_SIGNATURE
from server.formats.answer import Answer
from server.formats.registry import FORMATS
from server.formats.rendering import Rendering
from server.http.replies import is_long
from tests.support.cards import CARD_HEIGHT, CONFIDENCE, card
from tests.support.error_replies import assert_error
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

TYPES = {
    "json": "application/json; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "legacy": "application/json; charset=utf-8",
    "flat": "application/json; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "hocr": "text/vnd.hocr+html; charset=utf-8",
    "image": "image/png",
    "alto": "application/xml; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
}
BOTH = ["/ocr_service", "/ocr"]
TEXT = "OPEN NOW\n北门 & more"
WORDS = ["OPEN", "NOW", "北", "门", "&", "more"]


def tsv_words(reply: Reply) -> list[str]:
    table = csv.DictReader(io.StringIO(reply.body.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [row["text"] for row in table if row["level"] == "5"]


def hocr_words(reply: Reply) -> list[str]:
    root = ET.fromstring(reply.body)
    return [
        "".join(element.itertext())
        for element in root.iter()
        if element.get("class") == "ocrx_word"
    ]


def alto_words(reply: Reply) -> list[str]:
    strings = ET.fromstring(reply.body).iter("{http://www.loc.gov/standards/alto/ns-v4#}String")
    return [string.attrib["CONTENT"] for string in strings]


def options_of(reply: Reply) -> dict[str, Any]:
    """The options that a worker got, as the card `options` returns them."""
    options: dict[str, Any] = json.loads(reply.text)
    return options


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("format", TYPES)
def test_each_format_has_its_type(wide: LiveServer, format: str, path: str) -> None:
    reply = wide.upload(card(f"{format} {path}"), path=path, format=format)
    assert (reply.status, reply.headers["Content-Type"]) == (200, TYPES[format])
    assert reply.headers["X-Cache"] == "miss"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_words_in_json(wide: LiveServer) -> None:
    lines = wide.upload(card(TEXT), granularity="word").json["data"]["lines"]
    assert [word["text"] for line in lines for word in line["words"]] == WORDS
    assert lines[0]["words"][1] == {
        "text": "NOW",
        "confidence": CONFIDENCE,
        "box": [[25, 0], [40, 0], [40, 9], [25, 9]],
    }
    assert all("chars" not in line for line in lines)


def test_characters_in_json(wide: LiveServer) -> None:
    lines = wide.upload(card(TEXT), granularity="char").json["data"]["lines"]
    texts = [char["text"] for line in lines for char in line["chars"]]
    assert texts == list("OPENNOW北门&more")
    assert all("words" not in line for line in lines)


@pytest.mark.parametrize("fields", [{}, {"granularity": "line"}])
def test_lines_alone_are_as_they_were(wide: LiveServer, fields: dict[str, str]) -> None:
    reply = wide.upload(card(f"{TEXT} {len(fields)}"), **fields)
    assert [set(line) for line in reply.json["data"]["lines"]] == [
        {"text", "confidence", "box"}
    ] * 2


def test_these_have_words_unless_lines_are_asked_for(wide: LiveServer) -> None:
    image = card(TEXT)
    assert alto_words(wide.upload(image, format="alto")) == WORDS
    assert alto_words(wide.upload(image, format="alto", granularity="line")) == TEXT.splitlines()
    assert alto_words(wide.upload(image, format="alto", granularity="char")) == WORDS
    assert tsv_words(wide.upload(image, format="tsv")) == WORDS
    assert hocr_words(wide.upload(image, format="hocr")) == WORDS
    assert tsv_words(wide.upload(image, format="tsv", granularity="line")) == TEXT.splitlines()
    assert hocr_words(wide.upload(image, format="hocr", granularity="line")) == TEXT.splitlines()
    assert hocr_words(wide.upload(image, format="hocr", granularity="char")) == WORDS


@pytest.mark.parametrize(
    ("format", "granularity", "draw"),
    [(name, "line", False) for name in ("json", "text", "legacy", "flat", "markdown")],
)
def test_plain_formats_ask_for_nothing_more(
    wide: LiveServer, format: str, granularity: str, draw: bool
) -> None:
    wide.upload(card("options"), {"Cache-Control": "no-cache"}, format=format)
    asked = options_of(wide.upload(card("options")))
    assert (asked["granularity"], asked["draw"]) == (granularity, draw)


def test_one_recognition_serves_every_format_that_needs_no_more(wide: LiveServer) -> None:
    image = card("one for all")
    for format in ("json", "text", "legacy", "flat", "markdown"):
        wide.upload(image, format=format)
    wide.upload(image, format="tsv", granularity="line")
    assert wide.begun("one for all") == 1
    for format in ("tsv", "hocr"):
        wide.upload(image, format=format)
    assert wide.begun("one for all") == 2
    wide.upload(image, granularity="word")
    assert wide.begun("one for all") == 2


def test_flat_has_what_json_has_as_lists(wide: LiveServer) -> None:
    image = card("flat\nand even")
    full, flat = wide.upload(image).json, wide.upload(image, format="flat").json
    lines = full["data"].pop("lines")
    for name, key in (("boxes", "box"), ("texts", "text"), ("scores", "confidence")):
        assert flat["data"].pop(name) == [line[key] for line in lines]
    assert flat["data"] == full["data"]
    assert (list(flat), flat["md5"]) == (list(full), full["md5"])


def test_results_of_other_granularities_are_other_results(wide: LiveServer) -> None:
    image = card("fine and coarse")
    seen = [wide.upload(image, granularity=name) for name in ("line", "word", "char")]
    assert [reply.json["cache"] for reply in seen] == ["miss"] * 3
    assert len({reply.body.partition(b'"cache"')[0] for reply in seen}) == 3


# --- image


def test_the_drawing_is_a_png_of_the_image_and_kept(wide: LiveServer) -> None:
    image = card("draw this line")
    drawing = wide.upload(image, format="image")
    assert drawing.body.startswith(PNG_SIGNATURE)
    pixels = decode(drawing.body, 10**6).pixels
    assert pixels.shape == (CARD_HEIGHT, decode(image, 10**6).pixels.shape[1], 3)
    assert "draw;dur=" in drawing.headers["Server-Timing"]
    again = wide.upload(image, format="image")
    assert (again.body, again.headers["X-Cache"]) == (drawing.body, "hit")
    assert wide.begun("draw this line") == 1


def test_drawing_makes_other_results_no_longer(wide: LiveServer) -> None:
    image = card("draw or not")
    wide.upload(image, format="image")
    plain = wide.upload(image)
    assert plain.json["cache"] == "miss"
    assert len(plain.body) < 1000
    assert "draw;dur=" not in plain.headers["Server-Timing"]


def test_two_who_want_the_same_drawing_share_it(wide: LiveServer, gate: Any) -> None:
    text = f"hold {gate} draw"
    url = wide.upload(card(text), format="image", block_flag="0").json["job"]["url"]
    second = wide.upload(card(text), format="image", block_flag="0")
    wait_until(lambda: wide.outcomes().get("joined"), "the second one joins")
    gate.unlink()
    bodies = {wide.get(f"{u}?wait=10").body for u in (url, second.json["job"]["url"])}
    assert len(bodies) == 1
    assert bodies.pop().startswith(PNG_SIGNATURE)
    assert wide.begun(text) == 1


# --- jobs


@pytest.mark.parametrize("format", TYPES)
def test_a_job_answers_in_the_format_that_was_asked_for(wide: LiveServer, format: str) -> None:
    image = card(f"job in {format}")
    url = wide.upload(image, format=format, block_flag="0").json["job"]["url"]
    reply = wide.get(f"{url}?wait=10")
    assert (reply.status, reply.headers["Content-Type"]) == (200, TYPES[format])
    assert reply.headers["X-Job-State"] == "done"


def test_a_drawn_job_in_other_formats(wide: LiveServer) -> None:
    url = wide.upload(card(TEXT), format="image", block_flag="0").json["job"]["url"]
    assert wide.get(f"{url}?wait=10").body.startswith(PNG_SIGNATURE)
    assert wide.get(f"{url}?format=json").text == TEXT
    assert wide.get(f"{url}?format=text").body.decode() == f"{TEXT}\n"
    assert tsv_words(wide.get(f"{url}?format=tsv")) == TEXT.splitlines()


def test_a_job_that_was_not_drawn_has_no_image(wide: LiveServer) -> None:
    url = wide.upload(card(TEXT), block_flag="0").json["job"]["url"]
    assert wide.get(f"{url}?wait=10").status == 200
    reply = wide.get(f"{url}?format=image")
    assert_error(reply, 400, "bad_field", "format=image")
    assert hocr_words(wide.get(f"{url}?format=hocr")) == TEXT.splitlines()


# --- cached results


@pytest.mark.parametrize("format", TYPES)
def test_a_kept_result_in_every_format(wide: LiveServer, format: str) -> None:
    image = card(f"kept in {format}")
    sent = wide.upload(image, format=format)
    md5 = wide.upload(image).json["md5"]
    reply = wide.get(f"/results/{md5}?format={format}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, TYPES[format])
    if format not in ("json", "flat"):  # which say when and how they were answered
        assert reply.body == sent.body
    tag = reply.headers["ETag"]
    again = wide.get(f"/results/{md5}?format={format}", {"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("format", ["tsv", "hocr", "image", "alto"])
def test_what_was_read_for_json_is_not_kept_for_these(wide: LiveServer, format: str) -> None:
    md5 = wide.upload(card(f"only json, not {format}")).json["md5"]
    reply = wide.get(f"/results/{md5}?format={format}")
    assert_error(reply, 404, "not_found", format)


# --- errors


@pytest.mark.parametrize("path", ["/results/" + "0" * 32, "/jobs/unknown"])
def test_a_format_that_is_unknown_to_kept_results(wide: LiveServer, path: str) -> None:
    reply = wide.get(f"{path}?format=docx")
    assert reply.code in ("bad_field", "not_found")
    if "results" in path:
        assert_error(reply, 400, "bad_field", "hocr")


def test_an_error_is_json_whatever_was_asked_for(wide: LiveServer) -> None:
    for format in ("image", "hocr", "tsv", "alto"):
        assert_error(wide.upload(b"8BPS", format=format), 415, "unsupported_format", "JPEG")


def test_a_long_answer_in_every_format(wide: LiveServer, tmp_path: Any) -> None:
    image = card(f"recite {tmp_path / 'a book'}")
    for format, kind in TYPES.items():
        reply = wide.upload(image, format=format, granularity="line")
        assert (reply.status, reply.headers["Content-Type"]) == (200, kind)
        assert b"book" in reply.body or format == "image"


def test_words_are_laid_out_on_the_loop_only_if_they_are_few() -> None:
    answer = Answer(StoredResult(b"x" * 20_000), Digests("", ""))
    long = [format for format in FORMATS if is_long(answer, Rendering(format))]
    assert long == ["tsv", "hocr", "alto", "markdown"]
    assert is_long(answer, Rendering(text="paragraphs"))
    short = Answer(StoredResult(b"x" * 5000), Digests("", ""))
    assert not is_long(short, Rendering("hocr", layout=True))
