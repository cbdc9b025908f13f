"""The status page: workers, queue, cache, rates; a server that stops or is gone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit
from tests.support.cards import card
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until


@pytest.fixture
def watched(visit: Callable[..., Visit]) -> Visit:
    """The status page, filled for the first time; its clock goes on when a test says so."""
    here = visit("/status", clocked=True)
    expect(here.page.locator("#workers tr")).to_have_count(2)
    return here


@pytest.fixture
def page(watched: Visit) -> Page:
    """The same."""
    return watched.page


def look_again(page: Page) -> None:
    """Two seconds pass."""
    with page.expect_response("**/metrics") as answered:
        pass_two_seconds(page, answered.is_done)


def pass_two_seconds(page: Page, is_done: Callable[[], bool]) -> None:
    """And two more until it is done: they count when the page has shown the answer before."""
    while not is_done():
        page.clock.run_for(2000)
        page.wait_for_timeout(20)


def with_health(page: Page, **changed: Any) -> None:
    """/healthz says something else from now on."""

    def change(route: Any) -> None:
        health = route.fetch().json()
        route.fulfill(json={**health, **changed})

    page.route("**/healthz", change)


def test_workers_are_shown_as_they_are(page: Page, page_server: LiveServer) -> None:
    health = page_server.health()
    for row, worker in enumerate(health["workers"]):
        cells = page.locator("#workers tr").nth(row).locator("td")
        expect(cells.nth(0)).to_have_text("ready")
        expect(cells.nth(1)).to_have_text(str(worker["pid"]))
        expect(cells.nth(3)).to_contain_text(f"{worker['rss_mb']} MB")
    expect(page.locator("#state-badge")).to_have_text("Ready")
    expect(page.locator("#facts")).to_contain_text(health["version"])
    expect(page.locator("#facts")).to_contain_text("fake")


def test_the_queue_is_followed(page: Page, page_server: LiveServer, gate: Path) -> None:
    images = [page_server.send(card(f"hold {gate} {number}")) for number in range(3)]
    wait_until(lambda: page_server.queued() == 1, "one image in the queue")
    look_again(page)
    expect(page.locator("#queue")).to_have_text("1")
    expect(page.locator("#queue-note")).to_contain_text("2 being read")
    expect(page.locator("#workers .badge.busy")).to_have_count(2)
    gate.unlink()
    wait_until(lambda: page_server.running() == 0, "all images read")
    look_again(page)
    expect(page.locator("#queue")).to_have_text("0")
    for connection in images:
        connection.close()


def test_rates_come_from_what_happens_meanwhile(page: Page, page_server: LiveServer) -> None:
    before = page_server.metric("ocr_request_seconds_count")
    image = card("asked for often")
    for _ in range(20):
        page_server.upload(image)
    look_again(page)
    expect(page.locator("#rate-note")).to_contain_text(f"{before + 20:,.0f} requests")
    expect(page.locator("#rate")).to_have_text(re.compile("[1-9]"))
    expect(page.locator("#cache")).to_have_text("95 %")
    expect(page.locator("#latency")).to_contain_text("ms")
    expect(page.locator("#latency-note")).to_contain_text("95 % within")
    for plot in ("rate", "latency", "cache"):
        line = page.locator(f"#{plot}-plot path.plot-line.first")
        expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+,[\d.]+"))
        expect(page.locator(f"#{plot}-plot svg")).to_have_attribute("aria-label", re.compile(r": "))
    expect(page.locator("#answers")).to_contain_text("200")


@pytest.mark.parametrize(
    ("status", "badge"), [("draining", "Stopping"), ("starting", "Starting"), ("new", "new")]
)
def test_states_other_than_ready(page: Page, status: str, badge: str) -> None:
    with_health(page, status=status)
    look_again(page)
    expect(page.locator("#state-badge")).to_have_text(badge)
    expect(page.locator("#state-badge")).to_have_class("badge waiting")


def test_a_server_that_is_gone_and_comes_back(watched: Visit) -> None:
    watched.failed_loads_expected = True
    page = watched.page
    page.route("**/healthz", lambda route: route.abort("connectionrefused"))
    page.clock.run_for(2000)
    expect(page.locator("#state-badge")).to_have_text("Not reachable")
    expect(page.locator("#workers tr")).to_have_count(2)
    page.unroute("**/healthz")
    look_again(page)
    expect(page.locator("#state-badge")).to_have_text("Ready")


def test_nothing_is_asked_while_nobody_looks(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.clock.run_for(20_000)
    assert asked == []
    with page.expect_response("**/metrics"):
        page.evaluate(hide, False)
    look_again(page)
    with page.expect_response("**/metrics"):  # hidden while an answer is on its way
        with page.expect_request("**/metrics") as asked_again:
            pass_two_seconds(page, asked_again.is_done)
        page.evaluate(hide, True)
    expect(page.locator("#state-badge")).to_have_text("Ready")
    asked.clear()
    page.clock.run_for(20_000)
    assert asked == []


def test_plots_of_metrics_that_the_page_works_out(page: Page) -> None:
    """Rates and quantiles against figures worked out by hand."""
    source = page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    worked_out = page.evaluate(
        """async (address) => {
          const { countersOf, between } = await import(address.replace("page.js", "rates.js"));
          const { parseMetrics } = await import(address.replace("page.js", "metrics_text.js"));
          const look = (buckets, hits, misses) => parseMetrics(`
# HELP ocr_request_seconds x
ocr_request_seconds_bucket{le="0.1"} ${buckets[0]}
ocr_request_seconds_bucket{le="0.2"} ${buckets[1]}
ocr_request_seconds_bucket{le="+Inf"} ${buckets[2]}
ocr_request_seconds_count ${buckets[2]}
ocr_cache_requests_total{result="hit"} ${hits}
ocr_cache_requests_total{result="miss"} ${misses}
`);
          const before = countersOf(look([10, 10, 10], 5, 5), 0);
          const after = countersOf(look([20, 30, 30], 20, 10), 4000);
          return [between(before, after), between(after, before)];
        }""",
        f"/{source}",
    )
    assert worked_out[0] == {
        "perSecond": 5,
        "median": pytest.approx(100),
        "slow": pytest.approx(190),
        "keptShare": 0.75,
    }
    assert worked_out[1] is None, json.dumps(worked_out)
