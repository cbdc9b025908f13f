"""One image through the API of another server: the request as its clients send it, and its text."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.http_client import Client, Part, Reply, multipart

JSON = {"Content-Type": "application/json"}
BYTES = {"Content-Type": "application/octet-stream"}
Headers = Mapping[str, str]


@dataclass(frozen=True)
class ForeignCall:
    """A call of a dialect.

    path: where it is sent. send: sends the image with headers, and waits for the reply that has the
    result, or the error. text: the text in it. key: the headers for a key. is_job: the image is
    read later.
    """

    dialect: str
    path: str
    send: Callable[[Client, str, bytes, Headers], Reply]
    text: Callable[[Any], str]
    key: Callable[[str], Headers] = lambda key: {"Authorization": f"Bearer {key}"}
    is_markdown: bool = False
    is_job: bool = False

    def __str__(self) -> str:
        return f"{self.dialect} {self.path.partition('?')[0]}"

    def __call__(
        self, client: Client, image: bytes, headers: Headers | None = None, prefix: str = ""
    ) -> Reply:
        return self.send(client, prefix + self.path, image, headers or {})


def base64_of(image: bytes) -> str:
    return base64.b64encode(image).decode()


def data_url(image: bytes) -> str:
    return f"data:image/png;base64,{base64_of(image)}"


def as_json(body: Callable[[bytes], object]) -> Callable[[Client, str, bytes, Headers], Reply]:
    """A POST of JSON."""

    def send(client: Client, path: str, image: bytes, headers: Headers) -> Reply:
        encoded = json.dumps(body(image)).encode()
        return client.request("POST", path, encoded, {**JSON, **headers})

    return send


def as_form(part: str, **fields: str) -> Callable[[Client, str, bytes, Headers], Reply]:
    """A POST of a form with a file."""

    def send(client: Client, path: str, image: bytes, headers: Headers) -> Reply:
        parts = [Part(name, value.encode()) for name, value in fields.items()]
        body, of_body = multipart([*parts, Part(part, image, "page.png")])
        return client.request("POST", path, body, {**of_body, **headers})

    return send


def as_body(method: str = "POST") -> Callable[[Client, str, bytes, Headers], Reply]:
    """The image as the body."""

    def send(client: Client, path: str, image: bytes, headers: Headers) -> Reply:
        return client.request(method, path, image, {**BYTES, **headers})

    return send


def fields_of(image: bytes) -> bytes:
    return urlencode({"image": base64_of(image)}).encode()


def send_to_baidu(client: Client, path: str, image: bytes, headers: Headers) -> Reply:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    given = {**headers}
    token = given.pop("access_token", "")
    return client.request(
        "POST", f"{path}?access_token={token}&aipSdk=python", fields_of(image), {**form, **given}
    )


def polled(
    start: Callable[[Client, str, bytes, Headers], Reply],
    where: Callable[[Reply], str],
    ended: Callable[[Any], bool],
) -> Callable[[Client, str, bytes, Headers], Reply]:
    """Starts work, and asks for it until it has ended."""

    def send(client: Client, path: str, image: bytes, headers: Headers) -> Reply:
        started = start(client, path, image, headers)
        if started.status >= 300:
            return started
        address = where(started)
        for _ in range(20):
            reply = client.get(address, headers)
            if reply.status != 200 or ended(reply.json):
                return reply
        raise AssertionError("the operation does not end")

    return send


def path_in(url: str) -> str:
    """The path and query of an absolute URL."""
    parts = urlsplit(url)
    assert parts.scheme == "http", url
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def operation(reply: Reply) -> str:
    return path_in(reply.headers["Operation-Location"])


def is_over(answer: Any) -> bool:
    return answer["status"] in ("succeeded", "failed")


def send_job(client: Client, path: str, image: bytes, headers: Headers) -> Reply:
    """Submits, polls, and fetches the result without the key."""
    submit = as_form("file", model="PP-OCRv6", optionalPayload="{}")
    state = polled(
        submit,
        lambda started: f"{path}/{started.json['data']['jobId']}",
        lambda answer: answer["data"]["state"] in ("done", "failed"),
    )(client, path, image, headers)
    if state.status != 200 or state.json["data"]["state"] != "done":
        return state
    return client.get(path_in(state.json["data"]["resultUrl"]["jsonUrl"]))


def file_tensor(image: bytes) -> dict[str, Any]:
    tensor = {"name": "image_file", "shape": [1], "datatype": "BYTES", "data": [base64_of(image)]}
    return {"id": "7", "inputs": [tensor], "unknown": True}


def pixel_tensor(pixels: bytes, width: int, height: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of docling's request: the language, and pixels as binary data."""
    language = struct.pack("<I", 7) + b"english"
    inputs = [
        ("lang_type", "BYTES", [1, 1], language),
        ("image", "UINT8", [1, height, width, 3], pixels),
    ]
    head = {
        "inputs": [
            {
                "name": name,
                "datatype": datatype,
                "shape": shape,
                "parameters": {"binary_data_size": len(data)},
            }
            for name, datatype, shape, data in inputs
        ],
        "outputs": [
            {"name": name, "parameters": {"binary_data": True}}
            for name in ("boxes", "txts", "scores")
        ],
    }
    encoded = json.dumps(head).encode()
    headers = {**BYTES, "Inference-Header-Content-Length": str(len(encoded))}
    return encoded + language + pixels, headers


def lines_of_azure(pages: list[dict[str, Any]], name: str) -> str:
    return "\n".join(line[name] for page in pages for line in page["lines"])


def azure_key(key: str) -> Headers:
    return {"Ocp-Apim-Subscription-Key": key}


def hub_text(answer: Any) -> str:
    return "\n".join(line["text"] for line in answer["results"][0])


def chat(image: bytes, stream: bool = False, prompt: str = "Read it.") -> dict[str, Any]:
    content = [
        {"type": "text", "text": prompt},
        {"type": "image_url", "image_url": {"url": data_url(image)}},
    ]
    messages = [{"role": "system", "content": "You read."}, {"role": "user", "content": content}]
    return {"model": "gpt", "messages": messages, "temperature": 0, "stream": stream}


CALLS = (
    ForeignCall(
        "paddlex",
        "/ocr",
        as_json(lambda image: {"file": base64_of(image), "fileType": 1, "unknown": [{}]}),
        lambda answer: "\n".join(answer["result"]["ocrResults"][0]["prunedResult"]["rec_texts"]),
    ),
    ForeignCall(
        "paddlex",
        "/layout-parsing",
        as_json(lambda image: {"file": base64_of(image), "useDocOrientationClassify": False}),
        lambda answer: str(answer["result"]["layoutParsingResults"][0]["markdown"]["text"]),
        is_markdown=True,
    ),
    ForeignCall(
        "paddleocr-jobs",
        "/api/v2/ocr/jobs",
        send_job,
        lambda answer: "\n".join(answer["result"]["ocrResults"][0]["prunedResult"]["rec_texts"]),
        is_job=True,
    ),
    ForeignCall(
        "hubserving",
        "/predict/ocr_system",
        as_json(lambda image: {"images": [base64_of(image)], "unknown": 1}),
        hub_text,
    ),
    ForeignCall(
        "rapidocr",
        "/ocr",
        as_form("image_file"),
        lambda answer: "\n".join(answer[str(n)]["rec_txt"] for n in range(len(answer))),
    ),
    ForeignCall(
        "umi-ocr",
        "/api/ocr",
        as_json(lambda image: {"base64": base64_of(image), "options": {"ocr.angle": True}}),
        lambda answer: "".join(line["text"] + line["end"] for line in answer["data"])[:-1],
    ),
    ForeignCall(
        "openai",
        "/v1/chat/completions",
        as_json(chat),
        lambda answer: str(answer["choices"][0]["message"]["content"]),
    ),
    ForeignCall(
        "mistral",
        "/v1/ocr",
        as_json(
            lambda image: {
                "model": "mistral-ocr-latest",
                "document": {"type": "image_url", "image_url": data_url(image)},
                "include_blocks": True,
                "image_limit": 3,
            }
        ),
        lambda answer: str(answer["pages"][0]["markdown"]),
        is_markdown=True,
    ),
    ForeignCall(
        "open-webui", "/process", as_body("PUT"), lambda answer: str(answer["page_content"])
    ),
    ForeignCall(
        "azure-read",
        "/vision/v3.2/read/analyze?language=en",
        polled(as_body(), operation, is_over),
        lambda answer: lines_of_azure(answer["analyzeResult"]["readResults"], "text"),
        azure_key,
        is_job=True,
    ),
    ForeignCall(
        "azure-read",
        "/vision/v3.2/ocr",
        as_body(),
        lambda answer: "\n".join(
            " ".join(word["text"] for word in line["words"])
            for region in answer["regions"]
            for line in region["lines"]
        ),
        azure_key,
    ),
    ForeignCall(
        "azure-vision",
        "/computervision/imageanalysis:analyze?api-version=2023-10-01&features=read",
        as_body(),
        lambda answer: lines_of_azure(answer["readResult"]["blocks"], "text"),
        azure_key,
    ),
    ForeignCall(
        "azure-documents",
        "/documentintelligence/documentModels/prebuilt-read:analyze?api-version=2024-11-30",
        polled(as_json(lambda image: {"base64Source": base64_of(image)}), operation, is_over),
        lambda answer: str(answer["analyzeResult"]["content"]),
        azure_key,
        is_job=True,
    ),
    ForeignCall(
        "baidu",
        "/rest/2.0/ocr/v1/general_basic",
        send_to_baidu,
        lambda answer: "\n".join(line["words"] for line in answer["words_result"]),
        lambda key: {"access_token": key},
    ),
    ForeignCall(
        "ocrspace",
        "/parse/image",
        as_form("filename", isOverlayRequired="True", language="eng"),
        lambda answer: str(answer["ParsedResults"][0]["ParsedText"]).replace("\r\n", "\n"),
        lambda key: {"apikey": key},
    ),
    ForeignCall(
        "kserve",
        "/v2/models/ocr/infer",
        as_json(file_tensor),
        lambda answer: "\n".join(answer["outputs"][1]["data"]),
    ),
    ForeignCall("crnn", "/dialects/crnn/ocr", as_form("file"), lambda answer: str(answer["text"])),
)
