"""Uploading many images: concurrency limit, busy servers, cancelling, retrying."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, Request, Route, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.support.cards import card
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

BUSY = '{"status":"error","error":{"code":"queue_full","message":"busy","request_id":"r"}}'


def busy(route: Route) -> None:
    """A 503 with Retry-After."""
    route.fulfill(
        status=503, headers={"Retry-After": "1"}, content_type="application/json", body=BUSY
    )


def wait_for_requests(here: Visit, held: list[Route], count: int) -> None:
    """Until exactly so many have been held; Playwright reports them only while it is waited for."""
    for _ in range(500):
        if len(held) >= count:
            break
        here.page.wait_for_timeout(20)
    assert len(held) == count


def test_at_most_four_concurrent_uploads(here: Visit) -> None:
    held: list[Route] = []
    here.page.route("**/ocr?*", lambda route: held.append(route))
    here.add(*(payload(f"{number}.png", scene(rows(f"n {number}"))) for number in range(6)))
    expect(here.page.locator(".tray-row.waiting")).to_have_count(2)
    wait_for_requests(here, held, 4)
    held[0].continue_()
    expect(here.page.locator(".tray-row.done")).to_have_count(1)
    expect(here.page.locator(".tray-row.waiting")).to_have_count(1)
    wait_for_requests(here, held, 5)
    here.page.unroute("**/ocr?*")  # continues the held requests
    expect(here.page.locator(".tray-row.done")).to_have_count(6)


def test_an_upload_is_retried_after_retry_after(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    page.route("**/ocr?*", busy, times=1)
    here.add(payload("patient.png", scene(rows("in the end"))))
    expect(page.locator(".tray-state")).to_have_text("Retrying in 1 s")
    expect(page.locator("#busy-text")).to_have_text("Server busy, retrying in 1 s")
    expect(page.locator("#lines li .line-text")).to_have_text(["in the end"])


def test_retries_stop_when_the_server_stays_busy(
    visit: Callable[..., Visit],
) -> None:
    here = visit(clocked=True)
    here.failed_loads_expected = True
    page = here.page
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    page.route("**/ocr?*", busy)
    here.add(payload("hopeless.png", scene(rows("never"))))
    for _ in range(4):
        expect(page.locator(".tray-row.retrying")).to_have_count(1)
        page.clock.run_for(1100)
    expect(page.locator("#failure-text")).to_contain_text("The server is busy")
    assert len([request for request in requests if "/ocr?" in request.url]) == 5
    page.unroute("**/ocr?*")
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator("#lines li .line-text")).to_have_text(["never"])


def test_a_cancelled_image_is_not_recognized(
    here: Visit, page_server: LiveServer, gate: Path
) -> None:
    """The server drops the queued task, too."""
    page = here.page
    holding = [page_server.send(card(f"hold {gate} {number}")) for number in range(2)]
    wait_until(lambda: page_server.running() == 2, "both workers busy")
    here.add(payload("unwanted.png", scene(rows("unwanted"))))
    wait_until(lambda: page_server.queued() == 1, "the image in the queue")
    page.get_by_role("button", name="Cancel unwanted.png").click()
    expect(page.locator(".tray-state")).to_have_text("Cancelled")
    wait_until(lambda: page_server.queued() == 0, "an empty queue")
    gate.unlink()
    page.get_by_role("button", name="Retry unwanted.png").click()
    expect(page.locator("#lines li .line-text")).to_have_text(["unwanted"])
    for connection in holding:
        connection.close()


def test_all_uploads_can_be_cancelled(here: Visit) -> None:
    page = here.page
    held: list[Route] = []
    page.route("**/ocr?*", lambda route: held.append(route))
    here.add(*(payload(f"{number}.png", scene(rows(f"n {number}"))) for number in range(6)))
    expect(page.locator(".tray-row.waiting")).to_have_count(2)
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator(".tray-row.cancelled")).to_have_count(6)
    assert len(held) == 4
    for route in held:
        with contextlib.suppress(Error):  # already aborted by the page
            route.abort()


def test_one_failure_does_not_stop_the_others(here: Visit) -> None:
    here.failed_loads_expected = True
    here.add(
        payload("broken.png", scene(rows("cut"))[:200]),
        payload("no-image.txt", b"just words"),
        payload("good.png", scene(rows("good"))),
    )
    expect(here.page.locator(".tray-row.failed")).to_have_count(2)
    expect(here.page.locator(".tray-row.done")).to_have_count(1)
    expect(here.page.locator("#progress-text")).to_have_text("1 read, 2 failed")
