"""The pages of a server that requires API keys: asking for one, keeping it, losing it, quotas."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.page.conftest import TIMEOUT_MS, VIEWPORT, payload
from tests.page.keyed_server import KeyedServer
from tests.page.scripted import rows, scene
from tests.page.test_look import NARROW, violations
from tests.support.cards import card
from tests.support.watching import wait_until

BADGE = "#state-badge"
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { get() { throw new Error("off"); } });
}"""


@dataclass
class Visitor:
    """A page in a new browser context, whose requests are recorded."""

    page: Page
    server: KeyedServer
    requests: list[Request] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        """Load a page of the server."""
        self.page.goto(f"http://127.0.0.1:{self.server.port}{path}")

    def add(self, *texts: str) -> None:
        """Choose an image for each text."""
        files = [payload(f"{text}.png", scene(rows(text))) for text in texts]
        self.page.set_input_files("#choose-input", files)

    def enter(self, key: str) -> None:
        """Type the key into the dialog, which must be open, and press Enter."""
        self.page.get_by_role("dialog").get_by_label("Key", exact=True).fill(key)
        self.page.keyboard.press("Enter")

    def sent_keys(self, path: str = "/ocr?layout=true") -> list[str]:
        """The Authorization headers of the requests to this path."""
        sent = [each for each in self.requests if each.url.endswith(path)]
        return [each.headers.get("authorization", "") for each in sent]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedServer]:
    with KeyedServer(tmp_path_factory.mktemp("keyed")) as server:
        yield server


@pytest.fixture
def visitor(
    browser: Browser, keyed: KeyedServer, no_error_log: None
) -> Iterator[Callable[..., Visitor]]:
    """visitor(path, **context options): opens a page; fails at the end on errors of its scripts."""
    pages: list[Page] = []
    problems: list[str] = []

    def opened(path: str = "/", script: str = "", **options: object) -> Visitor:
        defaults = {"locale": "en-GB", "viewport": VIEWPORT}
        context = browser.new_context(**{**defaults, **options})  # type: ignore[arg-type]
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        if script:
            page.add_init_script(script)
        visitor = Visitor(page, keyed)
        page.on("request", lambda request: visitor.requests.append(request))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        pages.append(page)
        visitor.open(path)
        return visitor

    yield opened
    for page in pages:
        page.context.close()
    keyed.check_whole()
    assert [each for each in problems if not each.startswith("Failed to load resource")] == []


@pytest.fixture
def here(visitor: Callable[..., Visitor]) -> Visitor:
    """The page at / in English."""
    return visitor()


def test_the_key_is_asked_for_and_interrupted_uploads_continue(
    here: Visitor, keyed: KeyedServer
) -> None:
    page = here.page
    expect(page.locator("#key-button")).to_be_hidden()
    here.add(*(f"n {number}" for number in range(6)))
    shown = page.get_by_role("dialog", name="API key")
    expect(shown).to_contain_text("This server requires an API key.")
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    expect(page.locator(".tray-row.locked")).to_have_count(4)
    expect(page.locator(".tray-row.waiting")).to_have_count(2)
    key = keyed.add_key()
    here.enter(key)
    expect(shown).to_be_hidden()
    expect(page.locator(".tray-row.done")).to_have_count(6)
    assert here.sent_keys() == [""] * 4 + [f"Bearer {key}"] * 6


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_every_page_links_to_the_usage_once_a_key_is_used(
    visitor: Callable[..., Visitor], keyed: KeyedServer, language: str
) -> None:
    here = visitor(locale=language)
    page = here.page
    link = page.locator('.bar a[href="usage"]')
    for path in ("/docs", "/"):
        here.open(path)
        expect(page.locator(".bar a").first).to_be_visible()
        expect(link).to_be_hidden()
    here.add("first")
    page.locator("#key-input").fill(keyed.add_key())
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    for path in ("/", "/status", "/docs"):
        here.open(path)
        expect(link).to_be_visible()
        for width in (320, 390, 560, 800):
            page.set_viewport_size({"width": width, "height": 700})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (path, width)
            for button in page.locator(".switches button").all():
                box = button.bounding_box()
                assert box is not None
                assert box["x"] + box["width"] <= width, (path, width)
            shown = page.locator("#language-switch > *").evaluate_all(
                "all => all.filter((each) => each.checkVisibility()"
                " && getComputedStyle(each).clipPath === 'none').length"
            )
            assert shown >= 1, "the language switch is empty"
    page.set_viewport_size({"width": VIEWPORT["width"], "height": VIEWPORT["height"]})
    link.click()
    expect(page.locator("#user")).to_contain_text("UTC")


def test_a_wrong_key_is_refused_in_the_dialog(here: Visitor, keyed: KeyedServer) -> None:
    page = here.page
    here.add("patient")
    shown = page.get_by_role("dialog", name="API key")
    for wrong, message in (
        ("", "Enter a key."),
        (keyed.add_key()[:-1] + "~", "does not accept this key"),
        ("钥匙", "does not accept this key"),
        (keyed.add_key(scopes=["jobs"]), "does not allow this"),
    ):
        here.enter(wrong)
        expect(shown.get_by_role("alert")).to_contain_text(message)
        expect(page.get_by_label("Key", exact=True)).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Key", exact=True)).to_be_focused()
    here.enter(f"  {keyed.add_key()}\n")
    expect(page.locator("#lines li .line-text")).to_have_text(["patient"])


def test_a_key_is_not_accepted_while_the_server_cannot_be_reached(
    here: Visitor, keyed: KeyedServer
) -> None:
    page = here.page
    here.add("later")
    page.route("**/results/*", lambda route: route.abort("connectionrefused"))
    key = keyed.add_key()
    here.enter(key)
    expect(page.get_by_role("alert")).to_contain_text("Cannot reach the server")
    page.unroute("**/results/*")
    page.get_by_role("button", name="Use key").click()
    expect(page.locator("#lines li .line-text")).to_have_text(["later"])


def test_a_dismissed_dialog_fails_the_images_and_a_later_key_sends_them(
    here: Visitor, keyed: KeyedServer
) -> None:
    page = here.page
    here.add(*(f"n {number}" for number in range(6)))
    shown = page.get_by_role("dialog", name="API key")
    expect(page.locator(".tray-row.locked")).to_have_count(4)
    page.keyboard.press("Escape")
    expect(page.locator(".tray-row.failed")).to_have_count(6)
    expect(shown).to_be_hidden()
    expect(page.locator("#failure-text")).to_contain_text("requires an API key")
    assert len(here.sent_keys()) == 4
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="API key (none)").click()
    expect(shown).to_contain_text("This tab has no API key.")
    here.enter(keyed.add_key())
    expect(page.locator(".tray-row.done")).to_have_count(6)


def test_a_key_revoked_in_the_middle(here: Visitor, keyed: KeyedServer) -> None:
    page = here.page
    first = keyed.add_key()
    here.add("before")
    here.enter(first)
    expect(page.locator(".tray-row.done")).to_have_count(1)
    keyed.revoke(first)
    header = {"Authorization": f"Bearer {first}"}
    wait_until(lambda: keyed.get("/metrics", header).status == 401, "the key refused")
    here.add("after 1", "after 2")
    shown = page.get_by_role("dialog", name="API key")
    expect(shown).to_contain_text("no longer accepts the API key of this tab")
    expect(page.locator(".tray-row.locked")).to_have_count(2)
    second = keyed.add_key()
    here.enter(second)
    expect(page.locator(".tray-row.done")).to_have_count(3)
    assert here.sent_keys()[-2:] == [f"Bearer {second}"] * 2


def test_what_is_left_today_and_a_quota_that_is_used_up(here: Visitor, keyed: KeyedServer) -> None:
    page = here.page
    left = page.locator(".tray .allowance")
    here.add("first")
    here.enter(keyed.add_key(daily_quota=3))
    expect(left).to_have_text("2 of 3 left today")
    here.add("second")
    expect(left).to_have_text("1 of 3 left today")
    here.add("third")
    expect(left).to_have_text(re.compile(r"^0 of 3 left today · more at (\w{3},? )?\d\d:\d\d$"))
    before = len(here.sent_keys())
    here.add(*(f"n {number}" for number in range(7)))
    expect(page.locator(".tray-row.failed")).to_have_count(7)
    expect(page.locator("#failure-text")).to_have_text(
        re.compile(r"Today\'s quota is used up\. Try again (at .*\d\d:\d\d \(in .*\)|in .*)\.$")
    )
    expect(page.locator("#failure-detail")).to_contain_text("quota_exceeded")
    assert len(here.sent_keys()) <= before + 4  # the others are not sent
    page.get_by_role("button", name="API key (in use)").click()
    here.enter(keyed.add_key())
    expect(page.locator(".tray-row.done")).to_have_count(10)
    expect(left).to_be_hidden()


def test_a_rate_limit_is_waited_for(here: Visitor, keyed: KeyedServer) -> None:
    page = here.page
    problem = {"code": "rate_limited", "message": "more than 60 a minute", "request_id": "r"}
    body = json.dumps({"status": "error", "error": problem})

    def refuse(route: Route) -> None:
        route.fulfill(
            status=429,
            headers={"Retry-After": "1", "RateLimit": '"rate";r=0;t=1, "day";r=12;t=600'},
            content_type="application/json",
            body=body,
        )

    page.route("**/ocr?*", refuse, times=1)
    here.add("in the end")
    expect(page.locator("#busy-text")).to_have_text("Too many requests, retrying in 1 s")
    expect(page.locator(".tray .allowance")).to_have_text("12 left today")
    here.enter(keyed.add_key())
    expect(page.locator("#lines li .line-text")).to_have_text(["in the end"])


@pytest.mark.parametrize(
    ("language", "hours", "seconds", "now"),
    [
        ("en-GB", r"\(in 1 hr 6 min\)\.", r"Try again in (49|50) sec\.", r"Try again now\."),
        (
            "zh-CN",
            r"请在 1 小时 6 分钟后（.*\d\d:\d\d）重试。",
            r"请在 (49|50) 秒后重试。",
            r"请重试。",
        ),
    ],
)
def test_the_time_until_images_are_accepted_again_is_counted_down(
    visitor: Callable[..., Visitor], language: str, hours: str, seconds: str, now: str
) -> None:
    page = (here := visitor(locale=language)).page
    page.clock.install()
    problem = {"code": "quota_exceeded", "message": "used up", "request_id": "r"}
    body = json.dumps({"status": "error", "error": problem})

    def refuse(route: Route) -> None:
        route.fulfill(
            status=429,
            headers={"Retry-After": "4000"},
            content_type="application/json",
            body=body,
        )

    here.open()
    page.route("**/ocr?*", refuse)
    here.add("patient")
    failure = page.locator("#failure-text")
    expect(failure).to_contain_text(re.compile(hours))
    page.clock.run_for(3_950_000)
    expect(failure).to_contain_text(re.compile(seconds))
    page.clock.run_for(60_000)
    expect(failure).to_contain_text(re.compile(now))


def test_the_key_can_be_forgotten(here: Visitor, keyed: KeyedServer) -> None:
    page = here.page
    key = keyed.add_key()
    here.add("first")
    here.enter(key)
    expect(page.locator(".tray-row.done")).to_have_count(1)
    page.reload()
    page.get_by_role("button", name="API key (in use)").click()
    expect(page.locator("#key-reason")).to_contain_text(f"{key[:12]}…")
    page.get_by_role("button", name="Forget key").click()
    expect(page.get_by_role("button", name="API key (none)")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    here.add("second")
    expect(page.get_by_role("dialog", name="API key")).to_contain_text("requires an API key")
    assert here.sent_keys()[-1] == ""


def test_the_key_is_only_in_the_header_and_the_session(
    visitor: Callable[..., Visitor], keyed: KeyedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a URL, a cookie, localStorage, the documents or the log."""
    caplog.set_level(logging.DEBUG)
    here = visitor()
    page, key = here.page, keyed.add_key()
    here.add("secret")
    here.enter(key[:-1] + ("a" if key[-1] != "a" else "b"))
    expect(page.get_by_role("alert")).to_contain_text("does not accept")
    here.enter(key)
    expect(page.locator(".tray-row.done")).to_have_count(1)
    for path in ("/status", "/docs", "/"):
        assert key not in page.content()
        here.open(path)
    secret = key[13:40]
    assert all(secret not in each.url for each in here.requests)
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie").count(secret) == 0
    assert page.evaluate("Object.values(sessionStorage)") == [key]
    assert page.context.cookies() == []
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "/ocr 200" in logged
    assert secret not in logged
    other = page.context.new_page()  # another tab has no key
    other.goto(page.url)
    assert other.evaluate("sessionStorage.length") == 0


def test_the_key_is_kept_in_memory_without_storage(
    visitor: Callable[..., Visitor], keyed: KeyedServer
) -> None:
    here = visitor(script=NO_STORAGE)
    here.add("first")
    here.enter(keyed.add_key())
    expect(here.page.locator(".tray-row.done")).to_have_count(1)
    here.add("second")
    expect(here.page.locator(".tray-row.done")).to_have_count(2)


def test_the_key_can_be_shown_while_it_is_entered(here: Visitor) -> None:
    page = here.page
    here.add("one")
    field = page.get_by_label("Key", exact=True)
    expect(field).to_have_attribute("type", "password")
    field.fill("ocr_visible")
    page.get_by_role("button", name="Show key").press("Enter")
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide key").press("Enter")
    expect(field).to_have_attribute("type", "password")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(field).to_have_value("")


def test_the_status_page_asks_for_a_key(
    visitor: Callable[..., Visitor], keyed: KeyedServer
) -> None:
    here = visitor("/status")
    page = here.page
    expect(page.get_by_role("dialog", name="API key")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(BADGE)).to_have_text("API key required")
    expect(page.locator("#state-text")).to_have_text("The figures are shown only with an API key.")
    assert violations(page) == []
    asked = len(here.sent_keys("/metrics"))
    page.get_by_role("button", name="Enter key").click()
    assert len(here.sent_keys("/metrics")) == asked  # it does not poll without a key
    key = keyed.add_key()
    here.enter(key)
    expect(page.locator(BADGE)).to_have_text("Ready")
    expect(page.locator("#workers tr")).to_have_count(2)
    expect(page.get_by_role("button", name="Enter key")).to_be_hidden()
    keyed.revoke(key)
    expect(page.get_by_role("dialog", name="API key")).to_contain_text("no longer accepts")


def test_the_status_page_with_a_key_without_the_scope(
    visitor: Callable[..., Visitor], keyed: KeyedServer
) -> None:
    here = visitor("/status")
    here.enter(keyed.add_key())
    expect(here.page.locator(BADGE)).to_have_text("Ready")
    problem = {"code": "not_allowed", "message": "no", "request_id": "r"}
    here.page.route(
        "**/metrics",
        lambda route: route.fulfill(status=403, json={"status": "error", "error": problem}),
    )
    expect(here.page.locator("#state-text")).to_contain_text("The API key does not allow this.")


def test_the_forms_of_the_docs_page_send_the_key(
    visitor: Callable[..., Visitor], keyed: KeyedServer
) -> None:
    here = visitor("/docs")
    page, key = here.page, keyed.add_key()
    details = page.locator("#ocr")
    details.locator(":scope > summary").click()
    image = {"name": "card.png", "mimeType": "image/png", "buffer": card("from the docs")}
    details.get_by_label("Image", exact=True).set_input_files(image)  # type: ignore[arg-type]
    details.get_by_role("button", name="Send").click()
    here.enter(key)
    expect(details.locator(".answer-body")).to_contain_text("from the docs")
    command = details.locator(".curl").inner_text()
    assert '-H "Authorization: Bearer $OCR_API_KEY"' in command
    assert key not in page.content()
    page.get_by_role("button", name="API key (in use)").click()
    page.get_by_role("button", name="Forget key").click()
    details.get_by_role("button", name="Send").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(details.locator(".answered .status")).to_have_text("401")
    assert "Authorization" not in details.locator(".curl").inner_text()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_serious_violations_in_the_dialog(
    visitor: Callable[..., Visitor],
    keyed: KeyedServer,
    language: str,
    theme: str,
    size: dict[str, object],
) -> None:
    page = (here := visitor(locale=language, color_scheme=theme, **size)).page
    here.add("one")
    expect(page.locator("#key-dialog")).to_be_visible()
    page.locator("#key-input").fill("no key")
    page.keyboard.press("Enter")
    expect(page.locator("#key-error")).not_to_be_empty()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.locator("#key-input").fill(keyed.add_key(daily_quota=1))
    page.keyboard.press("Enter")
    expect(page.locator(".tray .allowance")).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_headers_with_limits_are_parsed(here: Visitor) -> None:
    """As in RFC 9651, also what this server does not send."""
    source = here.page.locator("script[type=module]").get_attribute("src")
    assert source is not None
    parsed = here.page.evaluate(
        """async (address) => {
          const { parseList } = await import(address.replace("page.js", "structured_fields.js"));
          const { readAllowance } = await import(address.replace("page.js", "allowance.js"));
          const list = (text) => Object.fromEntries(parseList(text));
          return [
            list('"rate";r=5;t=30, "day";r=123;t=3600'),
            list('"a, b\\\\"c";r=1;pk=:Y2Y=:;x="r=2"  ,"d" ; r=-4;r2=7'),
            list(""),
            list("not a list"),
            readAllowance('"day";r=123;t=3600', '"day";q=500;w=86400', 1000),
            readAllowance('"day";r=123', null, 1000),
            readAllowance('"rate";r=1;t=2', '"rate";q=2;w=60', 1000),
            readAllowance(null, null, 1000),
          ];
        }""",
        f"/{source}",
    )
    assert parsed == [
        {"rate": {"r": 5, "t": 30}, "day": {"r": 123, "t": 3600}},
        {'a, b\\"c': {"r": 1}, "d": {"r": -4, "r2": 7}},
        {},
        {},
        {"left": 123, "quota": 500, "renewsAt": 3_601_000},
        {"left": 123, "quota": None, "renewsAt": None},
        None,
        None,
    ]
