"""Tensors of KServe v2: binary data, pixels, and requests that do not fit together."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
from PIL import Image

from server.http.dialects.tensors import HEADER_LENGTH, tiff_of
from tests.support.cards import CONFIDENCE, card
from tests.support.foreign_calls import BYTES, JSON, file_tensor, pixel_tensor
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer

INFER = "/v2/models/ocr/infer"


def outputs_of(reply: Reply) -> dict[str, Any]:
    """The tensors of an answer with binary data: their shapes, and raw bytes."""
    assert reply.status == 200, reply.body
    length = int(reply.headers[HEADER_LENGTH])
    head, rest = json.loads(reply.body[:length]), reply.body[length:]
    found = {}
    for output in head["outputs"]:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]] = (output["datatype"], output["shape"], rest[:size])
        rest = rest[size:]
    assert rest == b""
    return found


def pixels_of(image: bytes) -> tuple[bytes, int, int]:
    decoded = Image.open(io.BytesIO(image)).convert("RGB")
    return decoded.tobytes(), decoded.width, decoded.height


def test_pixels_as_docling_sends_them(fluent: LiveServer) -> None:
    body, headers = pixel_tensor(*pixels_of(card("路牌\nin pixels")))
    reply = fluent.request("POST", INFER, body, headers)
    assert reply.headers["Content-Type"] == "application/octet-stream"
    outputs = outputs_of(reply)
    datatype, shape, raw = outputs["boxes"]
    assert (datatype, shape) == ("FP32", [2, 4, 2])
    assert struct.unpack("<16f", raw)[8:] == (0.0, 10.0, 40.0, 10.0, 40.0, 19.0, 0.0, 19.0)
    assert outputs["scores"] == ("FP32", [2], struct.pack("<2f", CONFIDENCE, CONFIDENCE))
    first = "路牌".encode()
    assert outputs["txts"][2].startswith(struct.pack("<I", len(first)) + first)


def test_pixels_without_text(fluent: LiveServer) -> None:
    body, headers = pixel_tensor(*pixels_of(card("")))
    outputs = outputs_of(fluent.request("POST", INFER, body, headers))
    assert outputs["boxes"] == ("FP32", [0, 4, 2], b"")
    assert outputs["txts"] == ("BYTES", [0], b"")


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 16)])
def test_a_tiff_of_pixels(size: tuple[int, int]) -> None:
    width, height = size
    pixels = bytes(value % 251 for value in range(width * height * 3))
    decoded = Image.open(io.BytesIO(tiff_of(pixels, width, height)))
    assert (decoded.mode, decoded.size, decoded.tobytes()) == ("RGB", size, pixels)


def test_json_in_and_out(fluent: LiveServer) -> None:
    reply = fluent.post_json(file_tensor(card("as JSON")), path=INFER)
    assert reply.headers[HEADER_LENGTH] is None
    answer = reply.json
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("ocr", "1", "7")
    boxes, texts, scores = answer["outputs"]
    assert boxes["data"] == [0.0, 0.0, 40.0, 0.0, 40.0, 9.0, 0.0, 9.0]
    assert (texts["data"], scores["data"]) == (["as JSON"], [CONFIDENCE])


def test_a_file_as_bytes_and_chosen_outputs(fluent: LiveServer) -> None:
    image = card("chosen")
    data = struct.pack("<I", len(image)) + image
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES"}
    head = {
        "inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}],
        "outputs": [{"name": "txts"}],
        "parameters": {"binary_data_output": True},
    }
    encoded = json.dumps(head).encode()
    headers = {**BYTES, HEADER_LENGTH: str(len(encoded))}
    reply = fluent.request("POST", "/v2/models/ocr/versions/1/infer", encoded + data, headers)
    assert outputs_of(reply) == {"txts": ("BYTES", [1], struct.pack("<I", 6) + b"chosen")}


def pixel_request(shape: list[int], size: int, datatype: str = "UINT8") -> dict[str, Any]:
    parameters = {"binary_data_size": size}
    return {"inputs": [{"name": "image", "shape": shape, "datatype": datatype,
                        "parameters": parameters}]}  # fmt: skip


@pytest.mark.parametrize(
    ("head", "data", "mention"),
    [
        ({}, b"", "inputs need image"),
        ({"inputs": [{}]}, b"", "each needs name"),
        ({"inputs": ["image"]}, b"", "each needs name"),
        (pixel_request([1, 2, 2, 3], 12), bytes(11), "ends before the data of image"),
        (pixel_request([1, 2, 2, 3], -1), bytes(11), "ends before the data of image"),
        (pixel_request([1, 2, 2, 3], 11), bytes(11), "has 11 bytes"),
        (pixel_request([2, 2, 2, 3], 24), bytes(24), "[1, H, W, 3]"),
        (pixel_request([1, 2, 2, 4], 16), bytes(16), "[1, H, W, 3]"),
        (pixel_request([2, 2, 3], 12), bytes(12), "[1, H, W, 3]"),
        (pixel_request([1, 0, 2, 3], 0), b"", "not its shape"),
        (pixel_request([1, 2, 2, 3], 12, "FP32"), bytes(12), "UINT8"),
        (pixel_request([1], 6, "BYTES"), bytes(6), "do not end where the tensor ends"),
        (pixel_request([1], 8, "BYTES"), bytes(8), "must have one element"),
        (
            {"inputs": [{"name": "image", "shape": [1, 1, 1, 3], "datatype": "UINT8",
                         "data": [1, 2, 3]}]},
            b"",
            "not as numbers in JSON",
        ),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit(
    fluent: LiveServer, head: dict[str, Any], data: bytes, mention: str
) -> None:
    encoded = json.dumps(head).encode()
    headers = {**BYTES, HEADER_LENGTH: str(len(encoded))}
    reply = fluent.request("POST", INFER, encoded + data, headers)
    assert reply.status == 400
    assert mention in reply.json["error"]


@pytest.mark.parametrize("length", ["7x", "-1", "100000", ""])
def test_a_length_of_the_json_that_is_wrong(fluent: LiveServer, length: str) -> None:
    reply = fluent.request("POST", INFER, b"{}", {**BYTES, HEADER_LENGTH: length})
    assert reply.status == 400
    assert HEADER_LENGTH in reply.json["error"]


def test_a_file_in_base64_that_is_none(fluent: LiveServer) -> None:
    tensor = {"name": "image_file", "shape": [1], "datatype": "BYTES", "data": ["%%%"]}
    reply = fluent.request("POST", INFER, json.dumps({"inputs": [tensor]}).encode(), JSON)
    assert (reply.status, reply.json["error"]) == (
        400,
        "the field `image_file` is not valid base64",
    )


def test_the_server_and_its_model(fluent: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fluent.get("/v2").json["extensions"] == ["binary_tensor_data"]
    assert fluent.get("/v2/health/live").json == {"live": True}
    for path in ("/v2/health/ready", "/v2/models/ocr/ready", "/v2/models/ocr/versions/1/ready"):
        assert fluent.get(path).json == {"ready": True}
    metadata = fluent.get("/v2/models/ocr").json
    assert [output["name"] for output in metadata["outputs"]] == ["boxes", "txts", "scores"]
    for path in ("/v2/models/other", "/v2/models/ocr/versions/2", "/v2/models/other/ready"):
        assert fluent.get(path).status == 404
    assert fluent.post_json({}, path="/v2/models/other/infer").status == 404
    monkeypatch.setattr(fluent.context, "draining", True)
    assert fluent.get("/v2/health/ready").status == 503
    assert fluent.get("/v2/health/live").status == 200
