"""How an image is read: the threshold of detection, and the request as a curl command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.page.test_result import CLIPBOARD, texts
from tests.page.test_rotate import asked


def open_reading(page: Page) -> None:
    """Open the part that says how the image is read."""
    page.get_by_text("How this image is read").click()
    expect(page.locator("#box-threshold")).to_be_visible()


def test_the_detection_threshold_reads_the_image_again(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("faint")), scene(rows("another")))
    open_reading(page)
    expect(page.locator("#box-threshold-value")).to_have_text("0.6")
    with page.expect_request("**/ocr?*") as request:
        page.locator("#box-threshold").fill("0.3")
    assert asked(request.value) == {"det_db_box_thresh": ["0.3"]}
    expect(page.locator(".tray-row.done")).to_have_count(2)
    expect(page.locator("#box-threshold-value")).to_have_text("0.3")
    page.get_by_role("button", name="image-2.png").first.click()
    expect(page.locator("#box-threshold-value")).to_have_text("0.6")


def test_the_text_stays_while_the_image_is_read_again(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("still here")))
    open_reading(page)
    held: list[Route] = []
    page.route("**/ocr?*", lambda route: held.append(route))
    page.locator("#box-threshold").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#result-busy")).to_be_visible()
    assert texts(page) == ["still here"]
    expect(page.locator("#box-threshold")).to_be_focused()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".tray-row.done")).to_have_count(1)
    expect(page.locator("#box-threshold-value")).to_have_text("0.6")
    assert texts(page) == ["still here"]


def test_the_curl_command_repeats_the_request(visit: Callable[..., Visit], tmp_path: Path) -> None:
    here = visit(**CLIPBOARD)
    page = here.page
    image = scene(rows("the same again"))
    name = "it's an image; really.png"
    (tmp_path / name).write_bytes(image)
    here.add(payload(name, image))
    page.locator(".tray-row.done").wait_for()
    open_reading(page)
    with page.expect_response("**/ocr?*"):
        page.locator("#box-threshold").fill("0.35")
    with page.expect_response("**/ocr?*"):
        page.get_by_role("button", name="Rotate").click()
    page.locator("#minimum-confidence").fill("70")
    page.get_by_role("button", name="Copy the curl command").click()
    expect(page.locator("#notice")).to_have_text("Copied")
    command = page.evaluate("() => navigator.clipboard.readText()")
    assert page.locator("#request-curl").inner_text() == command
    query = parse_qs(urlsplit(command.rpartition(" ")[2].strip("'")).query)
    assert query == {
        "orientation": ["90"], "det_db_box_thresh": ["0.35"], "drop_score": ["0.7"],
    }  # fmt: skip
    ended = subprocess.run(
        ["bash", "-c", f"{command} --silent --show-error"],
        cwd=tmp_path, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    data = json.loads(ended.stdout)["data"]
    assert (data["text"], data["angle"]) == ("the same again", 90)
