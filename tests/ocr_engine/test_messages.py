"""Results as JSON, and the frames between parent and worker."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest

from ocr_engine.framing import ProtocolError
from ocr_engine.geometry import Quad
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import Document, Glyph, Line, Recognition, Word
from ocr_engine.result_json import as_json, from_json
from ocr_engine.tracing import Interval
from ocr_engine.worker.messages import (
    Begun,
    Done,
    Failed,
    LoadFailed,
    Ready,
    Reply,
    Request,
    Saved,
    Stop,
    Task,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from tests.support import made_pages
from tests.support.made_pages import image_document

BOX: Quad = ((1, 2), (30, 2), (30, 12), (1, 12))
LINES = (
    Line("北门书店 \U0001f600", 0.9, BOX),
    Line('"a"\n', 0.6, BOX),
    Line("", 0.5, BOX),
)
RESULT = image_document(320, 120, LINES, frames=3)
WORDS = (Word("北", 0.9, BOX), Word("门", 0.7, BOX))
GLYPHS = (Glyph("北", 0.9, BOX), Glyph("门", 0.7, BOX))
TURNED = image_document(320, 120, LINES, angle=90)
WITH_WORDS = image_document(
    9, 9, (Line("北门", 0.8, BOX, words=WORDS), Line(" ", 0.5, BOX, words=()))
)
WITH_CHARS = image_document(
    9,
    9,
    (
        Line("北 门", 0.8, BOX, glyphs=GLYPHS),
        Line(" ", 0.5, BOX, glyphs=()),
    ),
)
PNG = b"\x89PNG\r\n\x1a\n and so on"
INFO = EngineInfo("openvino 2026.4.1", "f32", "det, cls, rec", 1)


def frame(head: object, body: bytes = b"") -> bytes:
    content = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack(">I", len(content)) + content + body


# --- results


@pytest.mark.parametrize(
    "result",
    [
        RESULT,
        TURNED,
        image_document(1, 2, ()),
        image_document(5, 5, LINES[:1]),
        WITH_WORDS,
        WITH_CHARS,
    ],
)
def test_a_result_survives_json(result: Document) -> None:
    data = json.loads(json.dumps(as_json(result)))
    assert from_json(data) == result


def test_the_angle_is_in_the_json_of_a_turned_page_alone() -> None:
    assert as_json(TURNED)["angle"] == 90
    assert "angle" not in as_json(RESULT)
    for angle in (45, 360, -90, "90", True, None):
        with pytest.raises(ValueError, match="angle"):
            from_json({**as_json(RESULT), "angle": angle})


def test_what_the_json_of_a_result_looks_like() -> None:
    result = image_document(320, 120, (Line("ab", 0.9, BOX), Line("c", 0.6, BOX)))
    assert json.loads(json.dumps(as_json(result))) == {
        "text": "ab\nc",
        "confidence": 0.8,  # (2 x 0.9 + 1 x 0.6) / 3
        "width": 320,
        "height": 120,
        "lines": [
            {"text": "ab", "confidence": 0.9, "box": [[1, 2], [30, 2], [30, 12], [1, 12]]},
            {"text": "c", "confidence": 0.6, "box": [[1, 2], [30, 2], [30, 12], [1, 12]]},
        ],
    }
    assert as_json(RESULT)["frames"] == 3


def test_words_and_characters_are_there_only_if_asked_for() -> None:
    parts = [
        {"text": "北", "confidence": 0.9, "box": BOX},
        {"text": "门", "confidence": 0.7, "box": BOX},
    ]
    assert as_json(WITH_WORDS)["lines"][0]["words"] == parts
    assert as_json(WITH_WORDS)["lines"][1]["words"] == []
    assert as_json(WITH_CHARS)["lines"][0]["chars"] == parts
    assert "chars" not in as_json(WITH_WORDS)["lines"][0]
    assert "words" not in as_json(WITH_CHARS)["lines"][0]
    assert set(as_json(RESULT)["lines"][0]) == {"text", "confidence", "box"}


def test_confidence_of_no_lines_and_of_an_empty_line() -> None:
    assert image_document(1, 1, ()).confidence == 0.0
    assert image_document(1, 1, ()).text == ""
    # an empty line counts as one character: (3 x 1.0 + 1 x 0.5) / 4 = 0.875
    lines = (Line("abc", 1.0, BOX), Line("", 0.5, BOX))
    assert image_document(1, 1, lines).confidence == 0.875


# --- frames


@pytest.mark.parametrize(
    "request_",
    [
        Stop(),
        Task(0, RecognitionOptions(), b""),
        Task(7, RecognitionOptions(det_limit_type="max", drop_score=0.25), b"\x00\xffimage{}"),
        Task(2**40, RecognitionOptions(use_angle_cls=False), bytes(range(256)) * 1000),
        Task(8, RecognitionOptions(granularity="char", draw=True), b"image"),
        Task(9, RecognitionOptions(), b"image", saved=b"[1,0,2]\n"),
        Task(9, RecognitionOptions(), b"image", traceparent="00-01-02-01"),
    ],
    ids=["stop", "empty", "options", "large", "characters and drawing", "saved steps", "traced"],
)
def test_requests_arrive_as_they_were_sent(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


@pytest.mark.parametrize(
    "reply",
    [
        Ready(INFO, 200),
        LoadFailed("det_model_dir: there is no folder /模型"),
        Done(3, Recognition(RESULT, {"decode": 0.25, "det": 1.5}), 300),
        Done(4, Recognition(image_document(1, 1, ())), 0),
        Done(5, Recognition(RESULT), 300, (Interval("recognize", 1.5, 3), Interval("det", 2, 2.5))),
        Done(8, Recognition(WITH_WORDS, {"draw": 0.5}, PNG + bytes(range(256))), 1),
        Done(9, Recognition(WITH_CHARS), 1),
        Done(10, Recognition(made_pages.DOCUMENT), 1),
        Done(11, Recognition(made_pages.page_of(made_pages.SPANNING)), 1),
        Failed(5, "invalid_image", "the PNG is truncated", 10),
        Failed(6, "image_too_complex", "too much", 10, leaving=True),
        Begun(7),
        Saved(7, b"[1,0,2]\n\x00\xff"),
    ],
    ids=[
        "ready",
        "load failed",
        "done",
        "empty",
        "traced",
        "drawing",
        "characters",
        "columns and table",
        "table with spans",
        "failed",
        "failed and leaving",
        "begun",
        "saved",
    ],
)
def test_replies_arrive_as_they_were_sent(reply: Reply) -> None:
    assert decode_reply(encode_reply(reply)) == reply


def test_the_frame_is_a_length_json_and_the_image() -> None:
    sent = encode_request(Task(7, RecognitionOptions(), b"\x01\x02"))
    (length,) = struct.unpack_from(">I", sent)
    head = json.loads(sent[4 : 4 + length])
    assert (head["kind"], head["task_id"], head["options"]["drop_score"]) == ("task", 7, 0.5)
    assert sent[4 + length :] == b"\x01\x02"


def test_numbers_stay_numbers() -> None:
    done = decode_reply(encode_reply(Done(3, Recognition(RESULT, {"det": 1}), 300)))
    assert isinstance(done, Done)
    assert type(done.recognition.stages["det"]) is float
    assert type(done.recognition.result.lines[0].box[0][0]) is int


DONE: dict[str, Any] = {
    "kind": "done", "task_id": 1, "rss_mb": 1, "stages": {"det": 0.5},
    "result": {"width": 1, "height": 1, "lines": [
        {"text": "a", "confidence": 0.5, "box": [[0, 0], [1, 0], [1, 1], [0, 1]]}]},
}  # fmt: skip


def changed(**changes: Any) -> bytes:
    return frame(DONE | changes)


def changed_line(**changes: Any) -> bytes:
    line = DONE["result"]["lines"][0] | changes
    return changed(result=DONE["result"] | {"lines": [line]})


def changed_word(**changes: Any) -> bytes:
    return changed_line(words=[DONE["result"]["lines"][0] | changes])


def without(key: str) -> bytes:
    return frame({name: value for name, value in DONE.items() if name != key})


NOT_A_FRAME = {
    "nothing": b"",
    "half a length": b"\x00\x00",
    "no head": b"\x00\x00\x00\x05",
    "a head that is cut": frame({"kind": "stop"})[:-1],
    "a huge length": b"\xff\xff\xff\xff{}",
    "a length beyond the end": struct.pack(">I", 1000) + b'{"kind":"stop"}',
    "an empty head": frame(b""),
    "no json": frame(b"kind: stop"),
    "no utf-8": frame(b"\xff\xfe{}"),
    "a list": frame([1, 2]),
    "a number": frame(5),
    "null": frame(None),
    "an empty object": frame({}),
    "deeply nested": frame(b"[" * 100_000),
    "an endless number": frame(b'{"kind":"failed","task_id":' + b"9" * 5000 + b"}"),
}


@pytest.mark.parametrize("name", sorted(NOT_A_FRAME))
def test_what_is_not_a_frame_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode_reply(NOT_A_FRAME[name])
    with pytest.raises(ProtocolError):
        decode_request(NOT_A_FRAME[name])


BAD_REPLIES = {
    "unknown kind": changed(kind="finished"),
    "kind of another type": changed(kind=["done"]),
    "a request": encode_request(Stop()),
    "no kind": without("kind"),
    "no task": without("task_id"),
    "no result": without("result"),
    "no stages": without("stages"),
    "no memory": without("rss_mb"),
    "task of another type": changed(task_id=[1]),
    "task in words": changed(task_id="one"),
    "task null": changed(task_id=None),
    "task infinite": changed(task_id=float("inf")),
    "task not a number": changed(task_id=float("nan")),
    "memory infinite": changed(rss_mb=float("inf")),
    "result null": changed(result=None),
    "result a list": changed(result=[1]),
    "width in words": changed(result=DONE["result"] | {"width": "wide"}),
    "width infinite": changed(result=DONE["result"] | {"width": float("inf")}),
    "lines a number": changed(result=DONE["result"] | {"lines": 5}),
    "lines of numbers": changed(result=DONE["result"] | {"lines": [1, 2]}),
    "stages a list": changed(stages=[1]),
    "stages in words": changed(stages={"det": "long"}),
    "stages of a huge number": changed(stages={"det": 10**400}),
    "measured a number": changed(measured=5),
    "measured without an end": changed(measured=[["det", 1.0]]),
    "measured without a finite end": changed(measured=[["det", 1.0, float("inf")]]),
    "measured without a name": changed(measured=[[None, 1.0, 2.0]]),
    "text a number": changed_line(text=5),
    "text null": changed_line(text=None),
    "confidence in words": changed_line(confidence="sure"),
    "box of three": changed_line(box=[[0, 0], [1, 0], [1, 1]]),
    "box of five": changed_line(box=[[0, 0]] * 5),
    "box in space": changed_line(box=[[0, 0, 0]] * 4),
    "box null": changed_line(box=None),
    "box infinite": changed_line(box=[[float("inf"), 0]] * 4),
    "words a number": changed_line(words=5),
    "words null": changed_line(words=None),
    "words of texts": changed_line(words=["a"]),
    "word without a box": changed_line(words=[{"text": "a", "confidence": 0.5}]),
    "word of another type": changed_word(text=1),
    "word with a box of three": changed_word(box=[[0, 0]] * 3),
    "word with a confidence in words": changed_word(confidence="sure"),
    "chars a text": changed_line(chars="abc"),
    "a body that is no drawing": frame(DONE, b"\xff\xd8\xff"),
    "a drawing without a result": frame({"kind": "begun", "task_id": 1}, PNG),
    "ready without info": frame({"kind": "ready", "rss_mb": 1}),
    "ready with half an info": frame({"kind": "ready", "rss_mb": 1, "info": {"engine": "x"}}),
    "ready with more info": frame(
        {"kind": "ready", "rss_mb": 1, "info": {"engine": "", "precision": "", "models": "",
         "threads": 1, "more": 1}}
    ),
    "ready with info of other types": frame(
        {"kind": "ready", "rss_mb": 1, "info": {"engine": 1, "precision": None, "models": [],
         "threads": "x"}}
    ),
    "failed without a code": frame({"kind": "failed", "task_id": 1, "message": "", "rss_mb": 1}),
    "failed with a code of null": frame(
        {"kind": "failed", "task_id": 1, "code": None, "message": "", "rss_mb": 1}
    ),
    "load failed without a message": frame({"kind": "load_failed"}),
}  # fmt: skip


def test_the_reply_that_the_bad_ones_are_made_from_is_good() -> None:
    done = decode_reply(frame(DONE))
    assert isinstance(done, Done)
    assert done.recognition.result.lines[0].text == "a"


@pytest.mark.parametrize("name", sorted(BAD_REPLIES))
def test_wrong_replies_are_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode_reply(BAD_REPLIES[name])


BAD_REQUESTS = {
    "no task": frame({"kind": "task", "options": {}}),
    "no options": frame({"kind": "task", "task_id": 1}),
    "unknown option": frame({"kind": "task", "task_id": 1, "options": {"beam": 5}}),
    "options a list": frame({"kind": "task", "task_id": 1, "options": [1]}),
    "options null": frame({"kind": "task", "task_id": 1, "options": None}),
    "unknown kind": frame({"kind": "nonsense", "task_id": 1, "options": {}}),
    "no kind": frame({"task_id": 1, "options": {}}),
    "a reply": encode_reply(Failed(1, "a", "b", 1)),
}


@pytest.mark.parametrize("name", sorted(BAD_REQUESTS))
def test_wrong_requests_are_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode_request(BAD_REQUESTS[name])


def test_random_bytes_are_refused() -> None:
    generator = random.Random(40)
    for _ in range(2000):
        data = generator.randbytes(generator.randrange(60))
        if generator.random() < 0.5:
            data = frame(data)
        with pytest.raises(ProtocolError):
            decode_reply(data)
        with pytest.raises(ProtocolError):
            decode_request(data)


def test_every_truncated_reply_is_refused() -> None:
    whole = encode_reply(Done(3, Recognition(RESULT, {"det": 1.5}), 300))
    for length in range(len(whole)):
        with pytest.raises(ProtocolError):
            decode_reply(whole[:length])


def test_a_mutated_reply_is_refused_or_a_reply() -> None:
    generator = random.Random(41)
    whole = encode_reply(Done(3, Recognition(RESULT, {"det": 1.5}), 300))
    refused = 0
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(generator.randrange(1, 4)):
            content[generator.randrange(len(content))] = generator.choice(
                b'0159{}[]",:-.eE\x00\xff'
            )
        try:
            assert isinstance(decode_reply(bytes(content)), Done | Failed | Ready | LoadFailed)
        except ProtocolError:
            refused += 1
    assert refused > 1000


def test_options_with_the_same_content_have_the_same_fingerprint() -> None:
    one = RecognitionOptions(drop_score=0.3, use_angle_cls=False)
    assert (
        one.fingerprint() == RecognitionOptions(use_angle_cls=False, drop_score=0.3).fingerprint()
    )
    fields: dict[str, Any] = {
        "det_limit_side_len": 65, "det_limit_type": "max", "det_db_thresh": 0.31,
        "det_db_box_thresh": 0.61, "det_db_unclip_ratio": 1.6, "use_angle_cls": False,
        "cls_thresh": 0.91, "drop_score": 0.51, "granularity": "word", "draw": True,
        "orientation": "off",
    }  # fmt: skip
    different = {
        RecognitionOptions(**{name: value}).fingerprint() for name, value in fields.items()
    }
    assert len(different | {RecognitionOptions().fingerprint()}) == 12
    assert RecognitionOptions(granularity="char").fingerprint() not in different
