"""The status page: workers, queue, cache, rates, a server that is stopping or unreachable."""

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
    """The status page after its first poll, with a clock that the test controls."""
    here = visit("/status", clocked=True)
    expect(here.page.locator("#workers tr")).to_have_count(2)
    return here


@pytest.fixture
def page(watched: Visit) -> Page:
    """The same as a Playwright page."""
    return watched.page


def poll_again(page: Page) -> None:
    """Advance the clock until the next poll is answered."""
    with page.expect_response("**/metrics") as answered:
        pass_two_seconds(page, answered.is_done)


def pass_two_seconds(page: Page, is_done: Callable[[], bool]) -> None:
    """Advance in steps of two seconds: the next poll is scheduled after the previous answer."""
    while not is_done():
        page.clock.run_for(2000)
        page.wait_for_timeout(20)


def with_health(page: Page, **changed: Any) -> None:
    """Change fields in the answers of /healthz from now on."""

    def change(route: Any) -> None:
        health = route.fetch().json()
        route.fulfill(json={**health, **changed})

    page.route("**/healthz", change)


def test_workers_are_listed(page: Page, page_server: LiveServer) -> None:
    health = page_server.health()
    for row, worker in enumerate(health["workers"]):
        cells = page.locator("#workers tr").nth(row).locator("td")
        expect(cells.nth(0)).to_have_text("Ready")
        expect(cells.nth(1)).to_have_text(str(worker["pid"]))
        expect(cells.nth(3)).to_contain_text(f"{worker['rss_mb']} MB")
    expect(page.locator("#state-badge")).to_have_text("Ready")
    expect(page.locator("#facts")).to_contain_text(health["version"])
    expect(page.locator("#facts")).to_contain_text("fake")


CLUSTER = {
    "role": "front",
    "broker": {"state": "open"},
    "cache": {"state": "unavailable", "problem": "no answer"},
    "state": {"state": "open"},
    "leases": 2,
    "duplicates": 1,
    "republished": 4,
    "window": 3,
    "sent": 2,
    "waiting": {"keys": 5, "anonymous": 6, "jobs": 7},
    "shared_hits": 8,
    "nodes": [
        {
            "id": "a",
            "address": "one:8888",
            "version": "0.1.0",
            "slots": 2,
            "busy": 1,
            "mean_seconds": 0.25,
            "completed": 9,
            "duplicates": 0,
            "models": ["v6"],
        }
    ],
    "fronts": [
        {"id": "b", "address": "two:8888", "version": "0.1.0", "waiting": 1, "sent": 2, "users": 1}
    ],
}


def test_the_cluster_is_shown_if_there_is_one(page: Page) -> None:
    expect(page.locator("#cluster")).to_be_hidden()
    with_health(page, cluster=CLUSTER, workers=[])
    poll_again(page)
    expect(page.locator("#cluster")).to_be_visible()
    expect(page.locator("#own-workers")).to_be_hidden()
    servers = page.locator("#cluster-servers li")
    expect(servers).to_have_text(
        ["Broker Connected", "Shared cache Unavailable", "Shared state Connected"]
    )
    expect(servers.nth(1)).to_have_attribute("title", "no answer")
    node, front = page.locator("#members tr").all()
    expect(node.locator("td")).to_have_text(["Node", "one:8888", "1 of 2", "9", "250 ms", "0.1.0"])
    expect(front.locator("td").nth(0)).to_have_text("Front end")
    expect(page.locator("#cluster-details")).to_contain_text("with key 5, without 6, jobs 7")
    expect(page.locator("#cluster-details")).to_contain_text("2 of 3")


def test_memory_is_shown_against_its_limit(page: Page, page_server: LiveServer) -> None:
    with_health(page, workers=[{**each, "rss_mb": 500} for each in page_server.health()["workers"]])
    poll_again(page)
    limit = page_server.context.settings.ocr.process.max_rss_mb
    assert limit == 1500
    expect(page.locator("#workers .memory").first).to_have_text("500 MB of 1.46 GB")
    bar = page.locator("#workers .memory-bar").first
    assert float(bar.evaluate("bar => bar.style.getPropertyValue('--share')")) == 500 / limit


def test_the_queue_is_updated(page: Page, page_server: LiveServer, gate: Path) -> None:
    images = [page_server.send(card(f"hold {gate} {number}")) for number in range(3)]
    wait_until(lambda: page_server.queued() == 1, "one image in the queue")
    poll_again(page)
    expect(page.locator("#queue")).to_have_text("1")
    expect(page.locator("#queue-note")).to_contain_text("2 in progress")
    expect(page.locator("#workers .badge.busy")).to_have_count(2)
    gate.unlink()
    wait_until(lambda: page_server.running() == 0, "all images read")
    poll_again(page)
    expect(page.locator("#queue")).to_have_text("0")
    for connection in images:
        connection.close()


def test_rates_are_computed_between_polls(page: Page, page_server: LiveServer) -> None:
    before = page_server.metric("ocr_request_seconds_count")
    image = card("requested often")
    for _ in range(20):
        page_server.upload(image)
    poll_again(page)
    expect(page.locator("#rate-note")).to_contain_text(f"{before + 20:,.0f} requests")
    expect(page.locator("#rate")).to_have_text(re.compile("[1-9]"))
    expect(page.locator("#cache")).to_have_text("95%")
    expect(page.locator("#latency")).to_contain_text("ms")
    expect(page.locator("#latency-note")).to_contain_text("95% within")
    for plot in ("rate", "latency", "cache"):
        line = page.locator(f"#{plot}-plot path.plot-line.first")
        expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+,[\d.]+"))
        expect(page.locator(f"#{plot}-plot svg")).to_have_attribute("aria-label", re.compile(r": "))
    expect(page.locator("#responses")).to_contain_text("200")


@pytest.mark.parametrize(
    ("status", "badge"), [("draining", "Shutting down"), ("starting", "Starting"), ("new", "new")]
)
def test_states_other_than_ready(page: Page, status: str, badge: str) -> None:
    with_health(page, status=status)
    poll_again(page)
    expect(page.locator("#state-badge")).to_have_text(badge)
    expect(page.locator("#state-badge")).to_have_class("badge waiting")


def test_an_unreachable_server_comes_back(watched: Visit) -> None:
    watched.failed_loads_expected = True
    page = watched.page
    page.route("**/healthz", lambda route: route.abort("connectionrefused"))
    page.clock.run_for(2000)
    expect(page.locator("#state-badge")).to_have_text("Unreachable")
    expect(page.locator("#workers tr")).to_have_count(2)
    page.unroute("**/healthz")
    poll_again(page)
    expect(page.locator("#state-badge")).to_have_text("Ready")


def test_no_polling_while_the_page_is_hidden(page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.clock.run_for(20_000)
    assert requested == []
    with page.expect_response("**/metrics"):
        page.evaluate(hide, False)
    poll_again(page)
    with page.expect_response("**/metrics"):  # hidden while a request is in progress
        with page.expect_request("**/metrics") as requested_again:
            pass_two_seconds(page, requested_again.is_done)
        page.evaluate(hide, True)
    expect(page.locator("#state-badge")).to_have_text("Ready")
    requested.clear()
    page.clock.run_for(20_000)
    assert requested == []


def test_rates_and_quantiles(page: Page) -> None:
    """Against values computed by hand."""
    source = page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    computed = page.evaluate(
        """async (address) => {
          const rates = await import(address.replace("page.js", "rates.js"));
          const { readCounters, ratesBetween } = rates;
          const { parseMetrics } = await import(address.replace("page.js", "metrics_text.js"));
          const sample = (buckets, hits, misses) => parseMetrics(`
# HELP ocr_request_seconds x
ocr_request_seconds_bucket{le="0.1"} ${buckets[0]}
ocr_request_seconds_bucket{le="0.2"} ${buckets[1]}
ocr_request_seconds_bucket{le="+Inf"} ${buckets[2]}
ocr_request_seconds_count ${buckets[2]}
ocr_cache_requests_total{result="hit"} ${hits}
ocr_cache_requests_total{result="miss"} ${misses}
`);
          const before = readCounters(sample([10, 10, 10], 5, 5), 0);
          const after = readCounters(sample([20, 30, 30], 20, 10), 4000);
          return [ratesBetween(before, after), ratesBetween(after, before)];
        }""",
        f"/{source}",
    )
    assert computed[0] == {
        "perSecond": 5,
        "median": pytest.approx(100),
        "p95": pytest.approx(190),
        "reusedShare": 0.75,
    }
    assert computed[1] is None, json.dumps(computed)
