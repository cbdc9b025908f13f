"""Searchable PDFs over HTTP: uploads, jobs, batches, and results whose image is not there."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from pikepdf import pdfa

from tests.support.batches import all_jobs, encoded
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.live_server import LiveServer
from tests.support.text_layers import in_pdfium, in_pypdf
from tests.support.watching import wait_until

PDF = "application/pdf"
TEXT = "OPEN NOW\n北门 & more"
PAGES = Path(__file__).parents[1] / "data" / "pages"


def flat(text: str) -> str:
    """The text in one line; the lines of a card are lower than their type, so close together."""
    return " ".join(text.split())


@pytest.mark.parametrize("path", ["/ocr", "/ocr_service"])
@pytest.mark.parametrize("format", ["pdf", "pdfa"])
def test_an_image_becomes_a_pdf_with_its_text(wide: LiveServer, path: str, format: str) -> None:
    reply = wide.upload(card(TEXT), path=path, format=format)
    assert (reply.status, reply.headers["Content-Type"]) == (200, PDF)
    assert in_pypdf(reply.body) == TEXT
    assert pdfa.validate_written(io.BytesIO(reply.body), "2b").passed == (format == "pdfa")


def test_one_recognition_serves_every_format_with_words(wide: LiveServer) -> None:
    image = card("one for all PDFs")
    for format in ("pdf", "pdfa", "tsv", "hocr", "alto", "pdf"):
        assert wide.upload(image, format=format).status == 200
    assert wide.begun("one for all PDFs") == 1
    assert wide.outcomes() == {"miss": 1, "hit": 5}


def test_images_from_other_places(wide: LiveServer) -> None:
    image = card("from elsewhere")
    (wide.images / "elsewhere.png").write_bytes(image)
    fields = {"image": base64.b64encode(image).decode(), "format": "pdf"}
    assert flat(in_pdfium(wide.post_json(fields).body)) == "from elsewhere"
    named = {"file_type": "filename", "filename": "elsewhere.png", "format": "pdf"}
    for _ in range(2):
        reply = wide.post_json(named, "/ocr_service")
        assert flat(in_pdfium(reply.body)) == "from elsewhere"
    assert wide.begun("from elsewhere") == 1


def test_choices_of_lines_count_in_a_pdf(wide: LiveServer) -> None:
    image = card("made page")
    every = in_pypdf(wide.upload(image, format="pdf", drop_score="0").body)
    some = in_pypdf(wide.upload(image, format="pdf").body)
    assert "a s7ain" in every
    assert "a s7ain" not in some
    raster = in_pypdf(wide.upload(image, format="pdf", order="raster").body)
    assert sorted(flat(raster)) == sorted(flat(some))
    assert raster != some


def test_many_at_once(wide: LiveServer) -> None:
    texts = [f"PDF number {number}" for number in range(6)]
    urls = [
        wide.upload(card(text), format="pdf", block_flag="0").json["job"]["url"] for text in texts
    ]
    for text, url in zip(texts, urls, strict=True):
        assert flat(in_pdfium(wide.get(f"{url}?wait=20").body)) == text


def test_a_header_says_what_a_pdfa_could_not_have(wide: LiveServer) -> None:
    image = (PAGES / "special_sign_cmyk.jpg").read_bytes()
    reply = wide.upload(image, format="pdfa")
    assert reply.headers["X-Pdf-Changes"] == "converted: four colours to three"
    assert "X-Pdf-Changes" not in wide.upload(image, format="pdf").headers


# --- jobs, batches and kept results


def test_a_job_of_a_pdf_keeps_its_image(wide: LiveServer) -> None:
    url = wide.upload(card(TEXT), format="pdf", block_flag="0").json["job"]["url"]
    assert wide.get(f"{url}?wait=10").headers["Content-Type"] == PDF
    for query in ("", "?format=pdfa", "?format=pdf&drop_score=0.9"):
        assert wide.get(f"{url}/result{query}").headers["Content-Type"] == PDF
    assert in_pypdf(wide.get(f"{url}/result").body) == TEXT
    assert wide.get(f"{url}/result?format=text").body.decode() == f"{TEXT}\n"


def test_a_job_of_another_format_does_not(wide: LiveServer) -> None:
    url = wide.upload(card(TEXT), format="tsv", block_flag="0").json["job"]["url"]
    assert wide.get(f"{url}?wait=10").status == 200
    for path in (url, f"{url}/result"):
        assert_error(wide.get(f"{path}?format=pdf"), 410, "gone", "send the image again")


def test_the_image_of_a_job_is_erased_with_it(wide: LiveServer) -> None:
    image = card("to be erased with its job")
    blobs = wide.journal.parent / "blobs"
    url = wide.upload(image, format="pdf", block_flag="0").json["job"]["url"]
    wide.get(f"{url}?wait=10")
    assert image in {blob.read_bytes() for blob in blobs.iterdir()}
    assert wide.request("DELETE", f"{url}?erase=true").status == 204
    assert image not in {blob.read_bytes() for blob in blobs.iterdir()}


def test_files_of_a_batch_become_pdfs(wide: LiveServer) -> None:
    files = [encoded("first of two", format="pdf"), encoded("second of two")]
    url = wide.post_json({"files": files}, "/batches").json["batch"]["url"]
    wait_until(lambda: wide.get(url).json["batch"]["state"] == "finished", "its end")
    first, second = (wide.get(f"{job['url']}/result") for job in all_jobs(wide, url))
    assert flat(in_pdfium(first.body)) == "first of two"
    assert second.text == "second of two"


def test_a_result_without_its_image_says_what_to_do(wide: LiveServer) -> None:
    wide.upload(card("only its result is kept"), format="pdf")
    md5 = wide.upload(card("only its result is kept")).json["md5"]
    reply = wide.get(f"/results/{md5}?format=pdf")
    assert_error(reply, 400, "bad_field", "send the image with format=pdf")


def test_an_image_that_is_refused_is_refused_as_ever(wide: LiveServer) -> None:
    assert_error(wide.upload(b"%PDF-1.7", format="pdf"), 422, "pdf_broken", "no pages")
    assert_error(wide.upload(card("x")[:40], format="pdf"), 422, "invalid_image", "")
