"""POST /ocr_service and POST /ocr over real sockets: sources, formats, cache, headers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from cache.keys import digest
from tests.support.cards import CARD_HEIGHT, CONFIDENCE, card
from tests.support.http_client import Part, Reply, image_part, multipart
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def base64_of(image: bytes) -> str:
    return base64.b64encode(image).decode()


def recognized(reply: Reply, text: str, cache: str = "miss") -> None:
    assert reply.status == 200, reply.body
    assert (reply.text, reply.json["cache"]) == (text, cache)


def test_an_upload_is_answered_as_the_contract_says(wide: LiveServer) -> None:
    image = card("first\nsecond")
    reply = wide.upload(image, file_type="file")
    assert reply.status == 200
    answer = reply.json
    assert list(answer) == [
        "status", "data", "cache", "md5", "elapsed_ms", "timestamp", "request_id",
    ]  # fmt: skip
    assert (answer["status"], answer["cache"]) == ("success", "miss")
    assert answer["md5"] == digest(image).md5
    assert answer["elapsed_ms"] > 0
    assert isinstance(answer["timestamp"], int)
    assert answer["request_id"] == reply.headers["X-Request-Id"]
    quality = answer["data"].pop("quality")
    assert {"sharpness", "contrast", "text_height"} <= set(quality)
    assert answer["data"] == {
        "text": "first\nsecond",
        "confidence": CONFIDENCE,
        "width": 64,
        "height": CARD_HEIGHT,
        "lines": [
            {"text": "first", "confidence": CONFIDENCE, "box": [[0, 0], [40, 0], [40, 9], [0, 9]]},
            {
                "text": "second",
                "confidence": CONFIDENCE,
                "box": [[0, 10], [40, 10], [40, 19], [0, 19]],
            },
        ],
    }
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


def test_text_and_legacy_formats(wide: LiveServer) -> None:
    image = card("Füße\n文字")
    text = wide.upload(image, format="text")
    assert text.body.decode() == "Füße\n文字\n"
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    legacy = wide.upload(image, format="legacy")
    assert legacy.json == [
        [[[0, 0], [40, 0], [40, 9], [0, 9]], ["Füße", CONFIDENCE]],
        [[[0, 10], [40, 10], [40, 19], [0, 19]], ["文字", CONFIDENCE]],
    ]
    assert legacy.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "DATA:image/png;base64,"])
@pytest.mark.parametrize("named", [True, False], ids=["file_type", "told-from-the-field"])
def test_base64_urlencoded_and_json(wide: LiveServer, prefix: str, named: bool) -> None:
    text = f"base64 {prefix} {named}"
    fields = {"image": prefix + base64_of(card(text))}
    if named:
        fields["file_type"] = "base64"
    body = urlencode(fields).encode()
    recognized(wide.request("POST", "/ocr_service", body, FORM), text)
    recognized(wide.post_json(fields), text, "hit")


def test_base64_that_was_not_percent_encoded(wide: LiveServer) -> None:
    """Hand-written forms do not escape `+`, which is then decoded as a blank."""
    images = (card(f"plus {number}") for number in range(1000))
    image = next(p for p in images if "+" in base64_of(p))
    body = f"file_type=base64&image={base64_of(image)}".encode()
    reply = wide.request("POST", "/ocr_service", body, FORM)
    assert reply.json["md5"] == digest(image).md5


def test_base64_in_a_multipart_field(wide: LiveServer) -> None:
    body, headers = multipart([Part("image", base64_of(card("field")).encode())])
    recognized(wide.request("POST", "/ocr_service", body, headers), "field")


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_the_bytes_decide_the_format(wide: LiveServer, format: str) -> None:
    body, headers = multipart([image_part(card(f"as {format}", format), "notes.docx")])
    recognized(wide.request("POST", "/ocr_service", body, headers), f"as {format}")


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "application/octet-stream"])
def test_ocr_takes_the_raw_image(wide: LiveServer, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    reply = wide.request("POST", "/ocr", card(f"raw {content_type}"), headers)
    recognized(reply, f"raw {content_type}")


@pytest.mark.parametrize("path", ["/ocr", "/ocr_service"])
@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_curl_sends_an_image_as_a_form(wide: LiveServer, format: str, path: str) -> None:
    """--data-binary has this type, unless the client names another."""
    image = card(f"{format} to {path}", format)
    recognized(wide.request("POST", path, image, FORM), f"{format} to {path}")
    recognized(wide.upload(image), f"{format} to {path}", "hit")


def test_an_image_as_a_form_has_the_limits_of_an_image(wide: LiveServer) -> None:
    padded = card("large") + bytes(1 << 19)
    recognized(wide.request("POST", "/ocr", padded, FORM), "large")
    limit = wide.context.max_body_bytes
    reply = wide.request("POST", "/ocr", card("larger") + bytes(limit), FORM)
    assert (reply.status, reply.code) == (413, "body_too_large")


def test_ocr_takes_multipart_and_json(wide: LiveServer) -> None:
    image = card("the same image")
    recognized(wide.upload(image, path="/ocr"), "the same image")
    recognized(wide.post_json({"image": base64_of(image)}, "/ocr"), "the same image", "hit")


def test_ocr_takes_options_as_query_parameters(wide: LiveServer) -> None:
    query = "det_db_thresh=0.25&det_limit_side_len=960&det_limit_type=max&use_angle_cls=0"
    options = json.loads(wide.upload(card("options"), path=f"/ocr?{query}").text)
    assert options["det_db_thresh"] == 0.25
    assert options["det_limit_side_len"] == 960
    assert options["det_limit_type"] == "max"
    assert options["use_angle_cls"] is False
    text = wide.upload(card("in words"), path="/ocr?format=text")
    assert text.body == b"in words\n"


@pytest.mark.parametrize(
    "options",
    [
        {"det_limit_side_len": "736"},
        {"det_db_thresh": "0.2"},
        {"det_db_box_thresh": "0.7"},
        {"det_db_unclip_ratio": "2"},
        {"use_angle_cls": "False"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_reach_the_recognizer_and_have_their_own_entry(
    wide: LiveServer, options: Mapping[str, str]
) -> None:
    ((name, value),) = options.items()
    wide.upload(card("options"), {"Cache-Control": "no-cache"})
    first = wide.upload(card("options"), **options)
    assert first.json["cache"] == "miss"
    seen = json.loads(first.text)[name]
    assert seen == (False if value == "False" else float(value))
    again = wide.upload(card("options"), **options)
    assert (again.json["cache"], again.json["data"]) == ("hit", first.json["data"])


def test_options_left_at_their_default_share_an_entry(wide: LiveServer) -> None:
    wide.upload(card("default"))
    assert wide.upload(card("default"), det_db_thresh="0.3").json["cache"] == "hit"


def test_a_hit_has_the_same_bytes_and_its_age(wide: LiveServer) -> None:
    image = card("kept")
    miss, hit = wide.upload(image), wide.upload(image)
    assert (miss.headers["X-Cache"], hit.headers["X-Cache"]) == ("miss", "hit")
    assert "Age" not in miss.headers
    assert 0 <= int(hit.headers["Age"]) < 10
    assert data_bytes(hit) == data_bytes(miss)
    assert wide.begun("kept") == 1
    assert wide.outcomes() == {"miss": 1, "hit": 1}


def data_bytes(reply: Reply) -> bytes:
    """The bytes of `data` as they were sent."""
    return reply.body[reply.body.index(b'"data":') : reply.body.index(b',"cache":')]


def test_no_cache_reads_past_the_cache_and_stores_again(wide: LiveServer) -> None:
    image = card("fresh")
    recognized(wide.upload(image), "fresh", "miss")
    recognized(wide.upload(image, {"Cache-Control": "no-cache"}), "fresh", "miss")
    recognized(wide.upload(image), "fresh", "hit")
    assert wide.begun("fresh") == 2


def test_fifty_identical_uploads_are_one_recognition(wide: LiveServer, gate: Path) -> None:
    image, text = card(f"hold {gate}"), f"hold {gate}"
    with ThreadPoolExecutor(50) as clients:
        waiting = [clients.submit(wide.upload, image) for _ in range(50)]
        wait_until(lambda: sum(wide.outcomes().values()) == 50, "50 requests in progress")
        assert wide.running() == 1
        gate.unlink()
        replies = [each.result(20) for each in waiting]
    assert {reply.status for reply in replies} == {200}
    assert {reply.text for reply in replies} == {text}
    assert len({data_bytes(reply) for reply in replies}) == 1
    assert wide.outcomes() == {"miss": 1, "joined": 49}
    assert sorted(r.headers["X-Cache"] for r in replies) == ["joined"] * 49 + ["miss"]
    assert wide.begun(text) == 1


def test_other_options_do_not_join(wide: LiveServer, gate: Path) -> None:
    image = card(f"hold {gate}")
    with ThreadPoolExecutor(2) as clients:
        plain = clients.submit(wide.upload, image)
        other = clients.submit(wide.upload, image, det_db_thresh="0.1")
        wait_until(lambda: wide.running() == 2, "two recognitions")
        gate.unlink()
        assert (plain.result(20).status, other.result(20).status) == (200, 200)
    assert wide.outcomes() == {"miss": 2}


def test_a_request_id_is_taken_over_or_made(wide: LiveServer) -> None:
    given = wide.upload(card("id"), {"X-Request-Id": "order-66/b"})
    assert given.headers["X-Request-Id"] == given.json["request_id"] == "order-66/b"
    made = {wide.upload(card("id")).json["request_id"] for _ in range(3)}
    assert len(made) == 3
    unfit = wide.upload(card("id"), {"X-Request-Id": "has blanks " + "x" * 200})
    assert unfit.headers["X-Request-Id"] == unfit.json["request_id"] != ""
    assert " " not in unfit.json["request_id"]


def test_server_timing_names_the_stages(wide: LiveServer) -> None:
    miss, hit = wide.upload(card("timed")), wide.upload(card("timed"))
    stages = dict(entry.split(";dur=") for entry in miss.headers["Server-Timing"].split(", "))
    assert list(stages) == ["queue", "decode", "det", "cls", "rec", "total"]
    assert all(float(milliseconds) >= 0 for milliseconds in stages.values())
    assert float(stages["rec"]) == 2.0
    assert hit.headers["Server-Timing"].startswith("cache;desc=hit, total;dur=")


def test_every_answer_forbids_sniffing(wide: LiveServer) -> None:
    replies = [
        wide.upload(card("<script>alert(1)</script>")),
        wide.upload(b"no image"),
        wide.get("/livez"),
        wide.get("/nowhere"),
        wide.request("DELETE", "/ocr_service"),
    ]
    assert [reply.status for reply in replies] == [200, 415, 200, 404, 405]
    assert {reply.headers["X-Content-Type-Options"] for reply in replies} == {"nosniff"}
    assert all(reply.headers["X-Request-Id"] for reply in replies)


@pytest.mark.parametrize("flag", ["True", "true", "1"])
def test_block_flag_true_waits(wide: LiveServer, flag: str) -> None:
    recognized(wide.upload(card(f"block {flag}"), block_flag=flag), f"block {flag}")


def test_a_connection_serves_many_requests(wide: LiveServer) -> None:
    connection = HTTPConnection("127.0.0.1", wide.port, timeout=10)
    body, headers = multipart([image_part(card("kept alive"))])
    try:
        for _ in range(3):
            connection.request("POST", "/ocr_service", body, headers)
            answer = connection.getresponse()
            assert json.loads(answer.read())["data"]["text"] == "kept alive"
            assert not answer.will_close
    finally:
        connection.close()
