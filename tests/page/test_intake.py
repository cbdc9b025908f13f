"""Adding images: file chooser, drag and drop, clipboard, camera."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import JSHandle, Page, expect

from tests.page.conftest import MAX_BYTES, Visit, payload
from tests.page.scripted import rows, scene

TRANSFER = """(files) => {
  const transfer = new DataTransfer();
  for (const { name, type, bytes } of files) {
    transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
  }
  return transfer;
}"""


def transfer(page: Page, *images: bytes) -> JSHandle:
    """A DataTransfer with these files."""
    files = [
        {"name": f"file-{number}.png", "type": "image/png", "bytes": list(image)}
        for number, image in enumerate(images, 1)
    ]
    return page.evaluate_handle(TRANSFER, files)


def test_a_chosen_image_is_recognized(here: Visit) -> None:
    page = here.page
    expect(page.get_by_role("heading", name="Drop images or PDFs here")).to_be_visible()
    here.read(scene(rows("first line", "second line")))
    expect(page.locator("#start")).to_be_hidden()
    expect(page.locator("#lines li .line-text")).to_have_text(["first line", "second line"])
    expect(page.locator("#result-facts")).to_contain_text("800 × 400")


def test_each_of_several_files_has_a_result(here: Visit) -> None:
    page = here.page
    here.read(*(scene(rows(f"page {number}")) for number in range(1, 7)))
    expect(page.locator("#progress-text")).to_have_text("6 of 6 finished")
    progress = page.get_by_role("progressbar", name="6 of 6 finished")
    assert progress.evaluate("bar => bar.value / bar.max") == 1
    for number in (3, 6, 1):
        page.get_by_role("button", name=f"image-{number}.png").first.click()
        expect(page.locator("#lines li .line-text")).to_have_text([f"page {number}"])
    expect(page.locator(".tray-state").first).to_have_text("1 line")
    expect(page.locator("#spoken")).to_contain_text("6 of 6 finished")


def test_dropped_files(here: Visit) -> None:
    page = here.page
    dropped = transfer(page, scene(rows("dropped one")), scene(rows("dropped two")))
    page.dispatch_event("body", "dragenter", {"dataTransfer": dropped})
    expect(page.locator("#drop-overlay")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(page.locator("#drop-overlay")).to_be_hidden()
    expect(page.locator(".tray-row.done")).to_have_count(2)
    expect(page.locator("#lines li .line-text")).to_have_text(["dropped one"])


def test_dragging_out_of_the_window_hides_the_overlay(here: Visit) -> None:
    dragged = transfer(here.page, scene(rows("never dropped")))
    here.page.dispatch_event("body", "dragenter", {"dataTransfer": dragged})
    expect(here.page.locator("#drop-overlay")).to_be_visible()
    here.page.dispatch_event("body", "dragleave", {"dataTransfer": dragged})
    expect(here.page.locator("#drop-overlay")).to_be_hidden()
    expect(here.page.locator("#start")).to_be_visible()


def test_a_pasted_screenshot(here: Visit) -> None:
    page = here.page
    page.evaluate(
        """(transfer) => document.body.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }))""",
        transfer(page, scene(rows("from the clipboard"))),
    )
    expect(page.locator("#lines li .line-text")).to_have_text(["from the clipboard"])


def test_an_image_from_the_webcam(visit: Callable[..., Visit]) -> None:
    page = visit(permissions=["camera"]).page
    page.get_by_role("button", name="Take a photo").click()
    note = page.locator("#camera-dialog [role=status]")
    expect(note).to_contain_text("Hold the camera steady")
    page.get_by_role("button", name="Capture", exact=True).click()
    expect(note).to_have_text("1 photo taken")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#camera-dialog")).to_be_hidden()
    expect(page.locator(".tray-row.done .tray-name")).to_contain_text("camera-")
    page.wait_for_function("document.querySelector('video').srcObject === null")


def test_a_file_over_the_limit_is_not_sent(here: Visit) -> None:
    requested: list[str] = []
    here.page.on("request", lambda request: requested.append(request.url))
    here.add(payload("huge.png", b"\0" * (MAX_BYTES + 1)))
    expect(here.page.locator("#failure-text")).to_contain_text("the server accepts up to 1 MB")
    here.add(payload("empty.png", b""))
    expect(here.page.locator("#failure-text")).to_contain_text("This file is empty")
    assert [url for url in requested if "/ocr?" in url] == []


def test_a_removed_image_is_gone(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("one")), scene(rows("two")))
    page.get_by_role("button", name="Remove image-1.png").click()
    expect(page.locator("#lines li .line-text")).to_have_text(["two"])
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator(".tray-row")).to_have_count(0)


def test_the_list_has_thumbnails(here: Visit) -> None:
    here.read(scene(rows("small")))
    expect(here.page.locator(".thumbnail")).to_have_css("background-image", re.compile("blob:"))
