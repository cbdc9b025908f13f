"""Documents on the page: pages as they are read, going to one, failures, cancelling, downloads."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import FilePayload, Page, Request, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.page.scripted_documents import (
    encrypted,
    scripted_page,
    scripted_pdf,
    scripted_tiff,
)
from tests.page.test_edit import edit
from tests.page.test_result import texts
from tests.support.cards import card
from tests.support.pdfs import PdfWriter, card_page, pdf_of
from tests.support.watching import wait_until

MANY = 300


def pdf_payload(content: bytes, name: str = "report.pdf") -> FilePayload:
    """A PDF for a file input."""
    return payload(name, content, "application/pdf")


def pages(*names: str) -> list[bytes]:
    """A scripted image for each text."""
    return [scene(rows(name), width=600, height=300) for name in names]


def shown_page(page: Page) -> int:
    """The number of the shown page."""
    return int(page.locator("#page-number").input_value())


def saved(page: Page, button: str) -> tuple[str, bytes]:
    """Name and content of a download of the whole document."""
    if not page.locator("#document-exports").evaluate("menu => menu.open"):
        page.locator("#document-exports summary").click()
    with page.expect_download() as started:
        page.locator("#document-exports").get_by_role("button", name=button).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_a_pdf_of_three_pages(here: Visit) -> None:
    page = here.page
    here.add(pdf_payload(scripted_pdf(pages("first page", "second page", "third page"))))
    expect(page.locator(".tray-row.done .tray-state")).to_have_text("3 pages")
    assert texts(page) == ["first page"]
    expect(page.locator("#page-count")).to_have_text("of 3 pages")
    expect(page.locator("#page-list li")).to_have_count(3)
    expect(page.locator("#result-facts")).to_contain_text("600 × 300")
    page.get_by_role("button", name="Next page").click()
    assert texts(page) == ["second page"]
    page.locator("#page-list").get_by_role("button", name="Page 3").click()
    assert texts(page) == ["third page"]
    assert shown_page(page) == 3
    expect(page.locator("#page-after")).to_be_disabled()
    wait_until_drawn(page, 3)
    page.wait_for_function("() => document.getElementById('sheet-image').naturalWidth === 600")


def wait_until_drawn(page: Page, count: int) -> None:
    """Until so many images are shown in the strip."""
    page.wait_for_function(
        "count => [...document.querySelectorAll('#page-list img')]"
        ".filter(each => each.naturalWidth > 0).length >= count",
        arg=count,
    )


def test_keys_go_to_other_pages(here: Visit) -> None:
    page = here.page
    here.add(pdf_payload(scripted_pdf(pages("one", "two", "three"))))
    expect(page.locator(".tray-row.done")).to_have_count(1)
    page.locator("#viewport").press("PageDown")
    assert shown_page(page) == 2
    page.locator("#page-list [tabindex='0']").press("ArrowDown")
    assert shown_page(page) == 3
    expect(page.locator("#page-list").get_by_role("button", name="Page 3")).to_be_focused()
    page.keyboard.press("Home")
    assert shown_page(page) == 1
    page.locator("#page-number").fill("99")
    page.locator("#page-number").press("Enter")
    assert shown_page(page) == 3
    assert texts(page) == ["three"]


def test_a_tiff_is_a_document_if_it_has_several_pages(here: Visit) -> None:
    page = here.page
    several = scripted_tiff(pages("of a TIFF", "its second page"))
    here.add(payload("scan.bin", several, "application/octet-stream"))
    expect(page.locator(".tray-row.done .tray-state")).to_have_text("2 pages")
    assert texts(page) == ["of a TIFF"]
    wait_until_drawn(page, 2)
    here.add(payload("single.tif", scripted_tiff(pages("alone")), "image/tiff"))
    expect(page.locator("#lines li .line-text")).to_have_text(["alone"])
    expect(page.locator("#page-strip")).to_be_hidden()
    page.get_by_role("button", name="scan.bin 2 pages").click()
    assert texts(page) == ["of a TIFF"]


def test_a_password_is_asked_for(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    requested: list[Request] = []
    page.on("request", lambda request: requested.append(request))
    here.add(pdf_payload(encrypted(scripted_pdf(pages("a secret")), "swordfish"), "locked.pdf"))
    expect(page.locator("#password-reason")).to_contain_text("locked.pdf is encrypted")
    expect(page.locator(".tray-state")).to_have_text("Waiting for the password")
    page.locator("#password-input").fill("wrong")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#password-error")).to_have_text(
        "This password does not open the document."
    )
    page.locator("#password-input").fill("swordfish")
    page.locator("#password-input").press("Enter")
    expect(page.locator("#lines li .line-text")).to_have_text(["a secret"])
    wait_until_drawn(page, 1)
    assert not any("swordfish" in request.url for request in requested)


def test_without_a_password_the_document_fails(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    here.add(pdf_payload(encrypted(scripted_pdf(pages("a secret")), "swordfish")))
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("#failure-text")).to_contain_text("The document is encrypted")
    page.get_by_role("button", name="Try again", exact=True).click()
    page.locator("#password-input").fill("swordfish")
    page.locator("#password-input").press("Enter")
    expect(page.locator("#lines li .line-text")).to_have_text(["a secret"])


def test_a_page_that_fails_does_not_lose_the_others(here: Visit) -> None:
    page = here.page
    writer = PdfWriter()
    first, last = pages("before", "after")
    made = [scripted_page(writer, first), card_page(writer, "swell"), scripted_page(writer, last)]
    here.failed_loads_expected = True
    here.add(pdf_payload(pdf_of(made, writer)))
    expect(page.locator(".tray-state")).to_have_text("3 pages · 1 failed")
    expect(page.locator("#page-list .failed")).to_have_count(1)
    page.locator("#page-list").get_by_role("button", name="Page 2").click()
    expect(page.locator("#failure-text")).to_contain_text("more memory than allowed")
    page.get_by_role("button", name="Next page").click()
    assert texts(page) == ["after"]


def test_cancel_stops_the_reading_and_retry_reads_the_rest(here: Visit, tmp_path: Path) -> None:
    page = here.page
    held = tmp_path / "held"
    held.touch()
    writer = PdfWriter()
    made = [scripted_page(writer, pages("read before")[0])]
    made += [card_page(writer, f"hold {held} {number}") for number in range(9)]
    here.add(pdf_payload(pdf_of(made, writer)))
    expect(page.locator("#lines li .line-text")).to_have_text(["read before"])
    expect(page.locator(".tray-state")).to_have_text("1 of 10 pages")
    page.get_by_role("button", name="Cancel report.pdf").click()
    expect(page.locator(".tray-state")).to_have_text("Cancelled · 1 of 10 pages")
    server = here.server
    held.unlink()
    wait_until(lambda: server.call(lambda: server.context.open_requests) == 0, "no open request")
    begun = sum(server.begun(f"hold {held} {number}") for number in range(9))
    assert begun <= 4, "the workers have begun no more than what they had"
    page.get_by_role("button", name="Retry report.pdf").click()
    expect(page.locator(".tray-state")).to_have_text("10 pages")


def test_the_text_is_edited_and_the_document_downloaded(here: Visit) -> None:
    page = here.page
    here.add(pdf_payload(scripted_pdf(pages("page one", "page two"))))
    expect(page.locator(".tray-row.done")).to_have_count(1)
    page.get_by_role("button", name="Next page").click()
    edit(page, 0, "edited two")
    assert saved(page, "Text") == ("report.txt", b"page one\fedited two\n")
    name, content = saved(page, "JSON")
    assert name == "report.json"
    data = json.loads(content)["data"]
    assert data["page_count"] == 2
    assert [each["text"] for each in data["pages"]] == ["page one", "edited two"]
    assert data["text"] == "page one\fedited two"
    name, content = saved(page, "Markdown")
    assert name == "report.md"
    assert b"<!-- page 2 -->\n\npage two" in content
    page.locator("#page-before").click()
    assert texts(page) == ["page one"]
    page.locator("#page-after").click()
    assert texts(page) == ["edited two"]


def test_a_page_has_the_views_and_downloads_of_an_image(here: Visit) -> None:
    page = here.page
    here.add(pdf_payload(scripted_pdf(pages("page one", "page two"))))
    expect(page.locator(".tray-row.done")).to_have_count(1)
    page.locator("#page-after").click()
    page.get_by_role("tab", name="Markdown").click()
    expect(page.locator("#markdown-source")).to_contain_text("page two")
    page.get_by_role("tab", name="Lines").click()
    with page.expect_download() as started:
        page.locator("#export-txt").click()
    assert started.value.suggested_filename == "report-2.txt"
    with page.expect_request("**/ocr?*") as request:
        page.get_by_role("button", name="Rotate").click()
    assert "pages=2" in request.value.url
    assert "orientation=90" in request.value.url
    expect(page.locator("#sheet")).to_have_attribute("data-turn", "90")
    page.locator("#page-before").click()
    expect(page.locator("#sheet")).to_have_attribute("data-turn", "0")


def test_a_document_that_the_server_has_dropped_is_sent_again(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    here.add(pdf_payload(scripted_pdf(pages("page one", "page two"))))
    expect(page.locator(".tray-row.done")).to_have_count(1)
    wait_until_drawn(page, 2)
    here.server.call(here.server.context.documents.kept.clear)
    with page.expect_response("**/documents") as response:
        saved(page, "Markdown")
    assert response.value.status == 201


def test_a_removed_document_is_dropped(here: Visit) -> None:
    page = here.page
    here.add(pdf_payload(scripted_pdf(pages("page one"))))
    expect(page.locator(".tray-row.done")).to_have_count(1)
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("button", name="Remove report.pdf").click()
    server = here.server
    wait_until(
        lambda: server.call(lambda: len(server.context.documents.kept._kept)) == 0, "nothing kept"
    )


def test_what_is_no_pdf_is_sent_as_an_image(here: Visit) -> None:
    here.failed_loads_expected = True
    here.add(
        pdf_payload(b"not a PDF", "false.pdf"), pdf_payload(scene(rows("an image")), "true.pdf")
    )
    expect(here.page.locator(".tray-row.failed")).to_have_count(1)
    here.page.get_by_role("button", name="true.pdf").first.click()
    expect(here.page.locator("#lines li .line-text")).to_have_text(["an image"])


def test_a_long_document_costs_few_elements(here: Visit) -> None:
    page = here.page
    names = [f"page {number}" for number in range(1, MANY + 1)]
    made = [scene(rows(name), width=300, height=120) for name in names]
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    here.add(pdf_payload(scripted_pdf(made), "long.pdf"))
    expect(page.locator(".tray-row.done .tray-state")).to_have_text("300 pages", timeout=60_000)
    assert page.locator("#page-list li").count() <= 20
    assert page.evaluate("() => document.getElementsByTagName('*').length") < 1000
    wait_until_drawn(page, 3)
    drawn = [url for url in requested if "/pages/" in url]
    assert len(drawn) <= 12, "only what is visible is drawn"
    page.locator("#page-strip").evaluate("strip => { strip.scrollTop = strip.scrollHeight / 2 }")
    expect(page.locator("#page-list li[data-page='150']")).to_be_attached()
    page.wait_for_function(
        "() => document.querySelector(\"#page-list li[data-page='152'] img\")?.naturalWidth > 0"
    )
    assert page.locator("#page-list li").count() <= 20
    page.locator("#page-number").fill("300")
    page.locator("#page-number").press("Enter")
    assert texts(page) == ["page 300"]
    expect(page.locator("#page-list [aria-current='true']")).to_be_in_viewport()
    assert len([url for url in requested if "/pages/" in url]) <= 40


def test_images_do_not_wait_for_documents(here: Visit, tmp_path: Path) -> None:
    page = here.page
    held = tmp_path / "held"
    held.touch()
    writer = PdfWriter()
    document = pdf_of([card_page(writer, f"hold {held}")], writer)
    here.add(*(pdf_payload(document, f"{number}.pdf") for number in range(4)))
    expect(page.locator(".tray-row.recognizing")).to_have_count(2)
    here.add(payload("image.png", card("read meanwhile")))
    expect(page.locator(".tray-row.done .tray-name")).to_have_text("image.png")
    held.unlink()
    expect(page.locator(".tray-row.done")).to_have_count(5)
