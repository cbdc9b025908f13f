"""Rows 53 to 58: files and requests as other programs write them, read by the whole server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, urlencode

import numpy as np
import pytest
from PIL import Image

from image_structures import compressed_text, png_chunk, with_chunks
from plain_images import TEXT, drawn, plain, saved
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, Reply, image_part, multipart
from tests.support.server_process import ServerProcess
from tests.support.tiffs import grey_tiff
from tests.support.written_files import BMP_HEADERS, bmp32, fax, with_scans

PRINTED = "Invoice 2041, " * 20 + "total"
JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}


def letters(text: str) -> str:
    return "".join(text.split())


def wrong_crc(kind: bytes, body: bytes) -> bytes:
    return png_chunk(kind, body)[:-4] + bytes(4)


def clipboard() -> bytes:
    """The drawn text with an alpha of zero."""
    image = drawn()
    rows = np.asarray(image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)).flatten().tolist()
    return bmp32(BMP_HEADERS["V5"], image.width, [(value, value, value, 0) for value in rows])


def few_bits(bits: int, white_is_zero: bool = False, big: bool = False) -> bytes:
    white = (1 << bits) - 1
    rows = np.asarray(drawn(), dtype=np.uint32) * white // 255
    rows = white - rows if white_is_zero else rows
    return grey_tiff(rows.tolist(), white_is_zero=white_is_zero, big=big)


READ: dict[str, Callable[[], bytes]] = {
    "53 wrong CRC": lambda: with_chunks(plain("PNG", "RGB"), wrong_crc(b"pHYs", bytes(9))),
    "53 long profile": lambda: with_chunks(plain("PNG", "L"), compressed_text(b"iCCP", 3 << 20)),
    "53 long text": lambda: with_chunks(plain("PNG", "L"), compressed_text(b"zTXt", 3 << 20)),
    "54 no end": lambda: plain("JPEG", "RGB")[:-2],
    "54 no end, progressive": lambda: plain("JPEG", "progressive")[:-2],
    "55 clipboard": clipboard,
    "55 10 bits": lambda: few_bits(10),
    "55 12 bits, white is zero": lambda: few_bits(12, white_is_zero=True),
    "55 16 bits, BigTIFF": lambda: few_bits(16, big=True),
    "AVIF": lambda: saved(drawn(), "AVIF", quality=90),
}


@pytest.mark.faults(53)
@pytest.mark.faults(54)
@pytest.mark.faults(55)
@pytest.mark.parametrize("name", READ)
def test_a_file_as_other_programs_write_it_is_read(models: ServerProcess, name: str) -> None:
    reply = models.upload(READ[name]())
    assert (reply.status, letters(reply.text)) == (200, letters(TEXT))


@pytest.mark.faults(55)
def test_a_fax_is_read_and_its_boxes_fit(models: ServerProcess) -> None:
    reply = models.upload(fax((204, 98)))
    assert letters(reply.text) == letters(TEXT)
    data = reply.json["data"]
    assert (data["width"], data["height"]) == (180, 23)
    (line,) = data["lines"]
    (left, top), _, (right, bottom), _ = line["box"]
    assert 0 <= left < 40 < 140 < right <= 180
    assert 0 <= top < 8 < 15 < bottom <= 23


@pytest.mark.faults(56)
def test_thousands_of_scans_are_refused_and_nothing_is_lost(fakes: ServerProcess) -> None:
    assert_error(fakes.upload(with_scans(4000)), 422, "invalid_image", "scans")


def post(server: ServerProcess, fields: dict[str, object]) -> Reply:
    return server.request("POST", "/ocr_service", json.dumps(fields).encode(), JSON_TYPE)


WIDE = base64.encodebytes(card(PRINTED)).decode()
LINES = WIDE.replace("\n", "\n{}")
WRITTEN = {
    "line breaks": WIDE,
    "indented by blanks": LINES.format(*["    "] * LINES.count("{}")),
    "indented by one blank": LINES.format(*[" "] * LINES.count("{}")),
    "indented by tabs": LINES.format(*["\t"] * LINES.count("{}")),
    "padded by blanks": WIDE.replace("\n", "  \r\n"),
    "a blank before": "  data:image/png;base64," + WIDE,
    "data, upper case": "DATA:IMAGE/PNG;CHARSET=UTF-8;BASE64," + WIDE,
    "data, no type": "data:;base64, " + WIDE,
    "no data": "base64," + WIDE,
    "percent signs": quote(WIDE.replace("\n", ""), safe=""),
    "quoted": '"' + WIDE.strip() + '"',
    "escaped twice": WIDE.replace("\n", "\\n"),
    "a zero behind": WIDE + "\0",
    "a byte order mark": "\ufeff" + WIDE,
}


@pytest.mark.faults(57)
@pytest.mark.parametrize("name", WRITTEN)
def test_base64_as_other_programs_write_it(fakes: ServerProcess, name: str) -> None:
    reply = post(fakes, {"image": WRITTEN[name], "format": "json"})
    assert (reply.status, reply.text) == (200, PRINTED), reply.body


@pytest.mark.faults(57)
@pytest.mark.parametrize("text", ["====", "a", "%", "data:image/png;base64", "QUJD!", "QU JD%zz"])
def test_text_that_is_no_base64_is_refused(fakes: ServerProcess, text: str) -> None:
    assert post(fakes, {"image": text}).status in (400, 415)


UNUSED = ["filename", "timeout_ms", "priority", "format", "drop_score", "file_type", "webhook_url"]


@pytest.mark.faults(58)
def test_null_in_json_means_not_given(fakes: ServerProcess) -> None:
    image = base64.b64encode(card("nulls")).decode()
    for fields in ([name] for name in UNUSED):
        reply = post(fakes, {"image": image, **dict.fromkeys(fields)})
        assert (reply.status, reply.text) == (200, "nulls"), fields
    assert post(fakes, {"image": image, **dict.fromkeys(UNUSED)}).text == "nulls"
    assert_error(post(fakes, {"image": None}), 400, "missing_file", "`image`")
    assert_error(post(fakes, {"image": image, "tiemout_ms": None}), 400, "bad_field", "timeout_ms")


@pytest.mark.faults(58)
def test_empty_fields_of_a_form_mean_not_given(fakes: ServerProcess) -> None:
    image = card("empty")
    text = base64.b64encode(image).decode()
    empty = [Part(name, b"") for name in [*UNUSED, "image"]]
    body, headers = multipart([image_part(image), *empty])
    assert fakes.request("POST", "/ocr_service", body, headers).text == "empty"
    unused_file = Part("file", b"", "")
    others = [part for part in empty if part.name != "image"]
    body, headers = multipart([unused_file, Part("image", text.encode()), *others])
    assert fakes.request("POST", "/ocr_service", body, headers).text == "empty"
    fields = urlencode({**dict.fromkeys(UNUSED, ""), "image": text}).encode()
    assert fakes.request("POST", "/ocr_service", fields, FORM_TYPE).text == "empty"
    body, headers = multipart([unused_file])
    reply = fakes.request("POST", "/ocr_service", body, headers)
    assert_error(reply, 400, "missing_file", "`file`")


@pytest.mark.faults(58)
def test_two_images_are_still_one_too_many(fakes: ServerProcess) -> None:
    text = base64.b64encode(card("two")).decode()
    reply = post(fakes, {"image": text, "filename": "sign.jpg"})
    assert_error(reply, 400, "one_file_only", "base64", "filename")
