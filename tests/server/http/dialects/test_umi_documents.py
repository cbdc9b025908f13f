"""Documents in Umi-OCR's API, with requests as its public demo sends them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pikepdf import Encryption

from server.http.dialects.umi_tasks import MAX_NAME_BYTES, MAX_TASKS, Task, Tasks, safe_name
from tests.support.cards import CONFIDENCE, card, card_frames
from tests.support.foreign_calls import path_in
from tests.support.http_client import Part, Reply, multipart
from tests.support.keys import add_key_now
from tests.support.live_server import LiveServer
from tests.support.made_pdfs import opened, saved, signed_pdf
from tests.support.pdfs import card_pdf
from tests.support.text_layers import in_pdfium
from tests.support.watching import wait_until

TEXTS = ["the first page\nof three", "", "the last page"]


def upload(server: LiveServer, document: bytes, **options: object) -> dict[str, Any]:
    parts = [Part("json", json.dumps(options).encode()), Part("file", document, "a scan.pdf")]
    body, headers = multipart(parts)
    return answer_of(server.request("POST", "/api/doc/upload", body, headers))


def answer_of(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    reply.body.decode("ascii")
    found: dict[str, Any] = reply.json
    return found


def asked(server: LiveServer, call: str, task: object, **fields: object) -> dict[str, Any]:
    return answer_of(server.post_json({"id": task, **fields}, path=f"/api/doc/{call}"))


def finished(server: LiveServer, document: bytes, **options: object) -> str:
    """The id of a document that has been read."""
    answer = upload(server, document, **options)
    assert answer["code"] == 100, answer
    wait_until(lambda: asked(server, "result", answer["data"])["is_done"], "the document is read")
    return str(answer["data"])


def texts_of(server: LiveServer, task: str, **fields: object) -> list[str]:
    data = asked(server, "result", task, is_data=True, is_unread=False, **fields)["data"]
    return [
        "\n".join(line["text"] for line in page["data"]) if page["code"] == 100 else ""
        for page in data
    ]


def downloaded(server: LiveServer, task: str, **fields: object) -> tuple[str, bytes]:
    """Name and content of a download; the URL needs no key."""
    answer = asked(server, "download", task, **fields)
    assert answer["code"] == 100, answer
    file = server.get(path_in(answer["data"]))
    assert file.status == 200, file.body
    assert int(file.headers["Content-Length"]) == len(file.body)
    assert unquote(answer["data"].partition("?")[0].rpartition("/")[2]) == answer["name"]
    return answer["name"], file.body


def test_the_steps_of_the_demo(fluent: LiveServer) -> None:
    """Upload, poll for text, download everything as a zip, and clear."""
    task = finished(fluent, card_pdf(TEXTS), **{"doc.extractionMode": "mixed"})
    state = asked(fluent, "result", task, is_data=True, format="text", is_unread=True)
    assert state == {
        "code": 100,
        "processed_count": 3,
        "pages_count": 3,
        "is_done": True,
        "state": "success",
        "data": "the first page\nof three\nthe last page",
    }
    again = asked(fluent, "result", task, is_data=True, format="text", is_unread=True)
    assert again["data"] == "", "all of it was read"
    types = ["txt", "txtPlain", "jsonl", "csv", "pdfLayered"]
    name, content = downloaded(fluent, task, file_types=types, ingore_blank=False)
    assert name == "a scan.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "a scan.txt",
            "a scan.p.txt",
            "a scan.jsonl",
            "a scan.csv",
            "a scan.layered.pdf",
        ]
        pdf = archive.read("a scan.layered.pdf")
        rows = list(csv.reader(io.StringIO(archive.read("a scan.csv").decode("utf-8-sig"))))
    assert [in_pdfium(pdf, number).strip() for number in (0, 2)] == [
        in_pdfium(downloaded(fluent, task)[1], number).strip() for number in (0, 2)
    ]
    assert in_pdfium(pdf, 2).strip() == "the last page"
    assert rows == [["page", "text"], ["1", TEXTS[0]], ["2", ""], ["3", TEXTS[2]]]
    assert answer_of(fluent.get(f"/api/doc/clear/{task}")) == {"code": 100, "data": "Success"}
    assert asked(fluent, "result", task)["code"] == 103
    assert answer_of(fluent.get(f"/api/doc/clear/{task}"))["code"] == 101


def test_a_page_is_as_an_image_is(fluent: LiveServer) -> None:
    task = finished(fluent, card_pdf(TEXTS))
    first, blank, _ = asked(fluent, "result", task, is_data=True)["data"]
    assert (first["code"], first["score"], first["page"]) == (100, CONFIDENCE, 1)
    assert (first["fileName"], first["path"]) == ("a scan.pdf", "a scan.pdf")
    assert first["data"][1] == {
        "text": "of three",
        "score": CONFIDENCE,
        "box": first["data"][1]["box"],
        "end": "\n",
    }
    assert (blank["code"], blank["data"], blank["page"]) == (101, "No text found in image.", 2)
    assert asked(fluent, "result", task)["data"] == [], "no data unless asked for"


def test_pages_come_when_they_are_read(fluent: LiveServer, gate: Path) -> None:
    """Those that were not asked for yet, or all."""
    task = upload(fluent, card_pdf(["ready", f"hold {gate}"]))["data"]
    wait_until(lambda: asked(fluent, "result", task)["processed_count"] == 1, "a page is read")
    state = asked(fluent, "result", task, is_data=True, format="text")
    assert (state["data"], state["is_done"], state["state"]) == ("ready", False, "running")
    assert asked(fluent, "download", task)["code"] == 201
    gate.unlink()
    wait_until(lambda: asked(fluent, "result", task)["is_done"], "the document is read")
    assert asked(fluent, "result", task, is_data=True, format="text")["data"] == f"hold {gate}"
    assert texts_of(fluent, task) == ["ready", f"hold {gate}"]


def test_a_document_that_is_cleared_while_it_is_read(fluent: LiveServer, gate: Path) -> None:
    task = upload(fluent, card_pdf([f"hold {gate} cleared", "never read"]))["data"]
    wait_until(lambda: fluent.running() == 1, "a page is being read")
    assert answer_of(fluent.get(f"/api/doc/clear/{task}"))["code"] == 100
    assert asked(fluent, "result", task)["code"] == 103
    gate.unlink()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"pageRangeStart": 2}, ["b", "c"]),
        ({"pageRangeStart": 1, "pageRangeEnd": 2}, ["a", "b"]),
        ({"pageList": [3, 1], "pageRangeEnd": 1}, ["a", "c"]),
        ({"tbpu.ignoreArea": [[[0, 0], [9999, 9999]]], "tbpu.ignoreRangeEnd": 1}, ["", "b", "c"]),
        (
            {"tbpu.ignoreArea": [[[0, 0], [9999, 9999]]], "tbpu.ignoreRangeStart": -1},
            ["a", "b", ""],
        ),
        ({"unheard of": True}, ["a", "b", "c"]),
    ],
)
def test_options(fluent: LiveServer, options: dict[str, object], expected: list[str]) -> None:
    assert texts_of(fluent, finished(fluent, card_pdf(["a", "b", "c"]), **options)) == expected


def test_frames_of_a_tiff(fluent: LiveServer) -> None:
    task = finished(fluent, card_frames("TIFF", ["one frame", "another"]))
    assert texts_of(fluent, task) == ["one frame", "another"]


def test_an_encrypted_document(fluent: LiveServer) -> None:
    locked = saved(opened(card_pdf(["secret"])), encryption=Encryption(owner="o", user="u"))
    assert upload(fluent, locked)["code"] == 202
    task = finished(fluent, locked, password="u")
    assert texts_of(fluent, task) == ["secret"]
    refused = asked(fluent, "download", task)
    assert refused["code"] == 203 and "password" in refused["data"]
    assert downloaded(fluent, task, file_types=["txtPlain"])[1] == b"secret\n"


def test_a_signed_document_has_text_but_no_pdf(fluent: LiveServer) -> None:
    task = finished(fluent, signed_pdf())
    assert asked(fluent, "download", task)["code"] == 203
    assert downloaded(fluent, task, file_types=["jsonl"], ignore_blank=False)[0] == "a scan.jsonl"


def test_blank_pages_are_left_out(fluent: LiveServer) -> None:
    task = finished(fluent, card_pdf(TEXTS))
    _, text = downloaded(fluent, task, file_types=["txtPlain"])
    assert text.decode() == f"{TEXTS[0]}\n{TEXTS[2]}\n"
    _, text = downloaded(fluent, task, file_types=["txt"], ignore_blank=False)
    assert [line for line in text.decode().splitlines() if "-----" in line] == [
        "----- 1 -----",
        "----- 2 -----",
        "----- 3 -----",
    ]


@pytest.mark.parametrize(
    ("file", "options", "code"),
    [
        (b"", "{}", 101),
        (card("an image"), "{}", 103),
        (b"PK\3\4 an epub", "{}", 103),
        (card_pdf(["x"]), "nonsense", 107),
        (card_pdf(["x"]), "[1]", 107),
        (card_pdf(["x"]), '{"pageRangeEnd": -2}', 108),
        (card_pdf(["x"]), '{"pageList": ["all"]}', 108),
        (card_pdf(["x"]), '{"pageRangeStart": 7}', 108),
        (card_pdf(["x"]), '{"tbpu.ignoreArea": [1]}', 108),
        (b"%PDF-1.7\nbroken", "{}", 201),
    ],
)
def test_codes_of_uploads(fluent: LiveServer, file: bytes, options: str, code: int) -> None:
    body, headers = multipart([Part("json", options.encode()), Part("file", file, "x.pdf")])
    answer = answer_of(fluent.request("POST", "/api/doc/upload", body, headers))
    assert answer["code"] == code, answer
    assert isinstance(answer["data"], str) and answer["data"]


@pytest.mark.parametrize("call", ["result", "download"])
@pytest.mark.parametrize(("body", "code"), [(b"no JSON", 101), (b"{}", 102), (b'{"id": "x"}', 103)])
def test_codes_of_tasks(fluent: LiveServer, call: str, body: bytes, code: int) -> None:
    assert answer_of(fluent.post_json(body, path=f"/api/doc/{call}"))["code"] == code


def test_types_of_files_that_are_not_made(fluent: LiveServer) -> None:
    task = finished(fluent, card_pdf(["x"]))
    wrongs: list[object] = [["pdfOneLayer"], ["docx"], "txt", [{}]]
    for wrong in wrongs:
        answer = asked(fluent, "download", task, file_types=wrong)
        assert answer["code"] == 202
        assert "pdfLayered, txt, txtPlain, jsonl, csv" in answer["data"]


def test_a_url_that_was_changed(fluent: LiveServer) -> None:
    task = finished(fluent, card_pdf(["x"]))
    path = path_in(asked(fluent, "download", task, file_types=["txt"])["data"])
    for changed in (path.replace("signature=", "signature=0"), path.partition("?")[0]):
        reply = fluent.get(changed)
        assert (reply.status, reply.json["code"]) == (404, 103)


def test_the_url_of_a_result_gives_no_document(fluent: LiveServer) -> None:
    """That of PaddleOCR's job API, which has the text, is signed for that alone."""
    task = finished(fluent, card_pdf(["only the text"]))
    jobs = "/api/v2/ocr/jobs"
    url = fluent.get(f"{jobs}/{task}").json["data"]["resultUrl"]["jsonUrl"]
    signed = path_in(url).partition("?")[2]
    assert fluent.get(f"{jobs}/{task}/result?{signed}").status == 200
    stolen = fluent.get(f"/api/doc/download/{task}/x.pdf?types=pdfLayered&{signed}")
    assert (stolen.status, stolen.json["code"]) == (404, 103)


def test_documents_belong_to_their_key(guarded: LiveServer, place: Any, key: str) -> None:
    body, headers = multipart([Part("file", card_pdf(["mine"]), "x.pdf")])
    own = {"Authorization": f"Bearer {key}"}
    other = {"Authorization": f"Bearer {add_key_now(place)[1]}"}
    nobody = guarded.request("POST", "/api/doc/upload", body, headers)
    assert (nobody.status, nobody.json["code"]) == (200, 902)
    task = guarded.request("POST", "/api/doc/upload", body, {**headers, **own}).json["data"]

    def state(headers: dict[str, str]) -> Any:
        given = {"Content-Type": "application/json", **headers}
        asking = json.dumps({"id": task}).encode()
        return guarded.request("POST", "/api/doc/result", asking, given).json

    assert state(other)["code"] == 103
    assert guarded.get(f"/api/doc/clear/{task}", other).json["code"] == 101
    wait_until(lambda: state(own)["is_done"], "the document is read")


def test_an_image_that_is_a_job_is_no_document(fluent: LiveServer) -> None:
    job = fluent.upload(card("an image"), block_flag="False").json["job"]["id"]
    assert asked(fluent, "result", job)["code"] == 103


def test_the_description_of_the_options(fluent: LiveServer) -> None:
    options = fluent.get("/api/doc/get_options").json
    assert "data.format" not in options
    assert options["pageRangeEnd"]["default"] == -1
    assert {"ocr.language", "tbpu.parser", "password", "pageList", "doc.extractionMode"} <= set(
        options
    )


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("scan.pdf", "scan.pdf"),
        ("C:\\scans\\a b.pdf", "a b.pdf"),
        ("../../etc/passwd", "passwd"),
        ("扫描.pdf", "扫描.pdf"),
        ("", "document"),
        ("..", "document"),
        ("a\r\nb.pdf", "ab.pdf"),
        ("%" * 500, "document"),
    ],
)
def test_names_of_files(given: str, name: str) -> None:
    assert safe_name(given) == name


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("页" * 500 + ".pdf") == "页" * ((MAX_NAME_BYTES - 4) // 9) + ".pdf"


def test_the_oldest_tasks_are_forgotten() -> None:
    tasks = Tasks()
    for number in range(MAX_TASKS + 1):
        tasks.add("ann", str(number), Task(f"{number}.pdf"))
    assert tasks.of("ann", "1").name == "1.pdf"
    assert tasks.of("ann", "0").name == "document"
    assert tasks.of("eve", "2").name == "document", "of another user"
