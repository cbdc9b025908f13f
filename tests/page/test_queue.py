"""Sending many images: how many at once, busy servers, cancelling, trying again."""

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
    """A 503 that says when to come back."""
    route.fulfill(
        status=503, headers={"Retry-After": "1"}, content_type="application/json", body=BUSY
    )


def test_at_most_four_are_sent_at_once(here: Visit) -> None:
    held: list[Route] = []
    here.page.route("**/ocr", lambda route: held.append(route))
    here.add(*(payload(f"{number}.png", scene(rows(f"n {number}"))) for number in range(6)))
    expect(here.page.locator(".tray-row.waiting")).to_have_count(2)
    assert len(held) == 4
    held[0].continue_()
    expect(here.page.locator(".tray-row.done")).to_have_count(1)
    expect(here.page.locator(".tray-row.waiting")).to_have_count(1)
    assert len(held) == 5
    here.page.unroute("**/ocr")  # those that are held go on
    expect(here.page.locator(".tray-row.done")).to_have_count(6)


def test_a_busy_server_is_asked_again_when_it_says(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    page.route("**/ocr", busy, times=1)
    here.add(payload("patient.png", scene(rows("in the end"))))
    expect(page.locator(".tray-state")).to_have_text("server busy, again in 1 s")
    expect(page.locator("#busy-text")).to_have_text("server busy, again in 1 s")
    expect(page.locator("#lines li .line-text")).to_have_text(["in the end"])


def test_a_server_that_stays_busy_is_left_alone_after_some_tries(
    visit: Callable[..., Visit],
) -> None:
    here = visit(clocked=True)
    here.failed_loads_expected = True
    page = here.page
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.route("**/ocr", busy)
    here.add(payload("hopeless.png", scene(rows("never"))))
    for _ in range(4):
        expect(page.locator(".tray-row.pausing")).to_have_count(1)
        page.clock.run_for(1100)
    expect(page.locator("#failure-text")).to_contain_text("The server is busy")
    assert len([request for request in asked if request.url.endswith("/ocr")]) == 5
    page.unroute("**/ocr")
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator("#lines li .line-text")).to_have_text(["never"])


def test_a_cancelled_image_is_not_read(here: Visit, page_server: LiveServer, gate: Path) -> None:
    """What waits in the server is dropped there, too."""
    page = here.page
    holding = [page_server.send(card(f"hold {gate} {number}")) for number in range(2)]
    wait_until(lambda: page_server.running() == 2, "both workers busy")
    here.add(payload("unwanted.png", scene(rows("unwanted"))))
    wait_until(lambda: page_server.queued() == 1, "the image in the queue")
    page.get_by_role("button", name="Cancel unwanted.png").click()
    expect(page.locator(".tray-state")).to_have_text("cancelled")
    wait_until(lambda: page_server.queued() == 0, "an empty queue")
    gate.unlink()
    page.get_by_role("button", name="Try unwanted.png again").click()
    expect(page.locator("#lines li .line-text")).to_have_text(["unwanted"])
    for connection in holding:
        connection.close()


def test_all_can_be_cancelled(here: Visit) -> None:
    page = here.page
    held: list[Route] = []
    page.route("**/ocr", lambda route: held.append(route))
    here.add(*(payload(f"{number}.png", scene(rows(f"n {number}"))) for number in range(6)))
    expect(page.locator(".tray-row.waiting")).to_have_count(2)
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator(".tray-row.cancelled")).to_have_count(6)
    assert len(held) == 4
    for route in held:
        with contextlib.suppress(Error):  # the page has taken it back
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
    expect(here.page.locator("#progress-text")).to_have_text("3 of 3 finished")
