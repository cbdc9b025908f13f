"""One server with a scripted recognizer, one browser, and pages whose requests are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    FilePayload,
    Page,
    Request,
    sync_playwright,
)

from chromium import NoChromium, browser_arguments, find_chromium
from tests.page.scripted import load_scripted
from tests.support.live_server import LiveServer

# A fake webcam, with permission granted.
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
TIMEOUT_MS = 8000
CLEAR_STORAGE = "() => { try { localStorage.clear(); } catch { /* there is none */ } }"
MAX_BYTES = 1 << 20
VIEWPORT = {"width": 1280, "height": 800}


@dataclass
class Visit:
    """A page whose requested hosts and console errors are recorded."""

    page: Page
    server: LiveServer
    console_errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    failed_loads_expected: bool = False

    def watch(self) -> None:
        """Note requests and console_errors from now on."""
        self.page.on("request", self._record_host)
        self.page.on("console", self._record_console)
        self.page.on("pageerror", self._record_error)

    def leave(self) -> None:
        """Leave the page and clear its storage."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.evaluate(CLEAR_STORAGE)
        self.page.goto("about:blank")
        self.page.remove_listener("request", self._record_host)
        self.page.remove_listener("console", self._record_console)
        self.page.remove_listener("pageerror", self._record_error)

    def add(self, *files: FilePayload) -> None:
        """Choose these files in the file input."""
        self.page.set_input_files("#choose-input", list(files))

    def read(self, *images: bytes, name: str = "image") -> None:
        """Choose these images and wait for all results."""
        done = self.page.locator(".tray-row.done")
        before = done.count()
        self.add(*(payload(f"{name}-{n}.png", each) for n, each in enumerate(images, 1)))
        done.nth(before + len(images) - 1).wait_for()

    def check(self) -> None:
        """Fail on console errors and on requests to other hosts."""
        assert self.console_errors == []
        assert self.hosts - {"", f"127.0.0.1:{self.server.port}"} == set()

    def _record_host(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)

    def _record_error(self, error: Error) -> None:
        self.console_errors.append(str(error))

    def _record_console(self, message: ConsoleMessage) -> None:
        """The browser itself logs an error for every status above 399."""
        if message.type not in ("error", "warning"):
            return
        if not (self.failed_loads_expected and message.text.startswith("Failed to load resource")):
            self.console_errors.append(message.text)


def payload(name: str, content: bytes, kind: str = "image/png") -> FilePayload:
    """A file for a file input."""
    return {"name": name, "mimeType": kind, "buffer": content}


@pytest.fixture(scope="package")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Two workers that find what images say; up to 1 MiB an image."""
    folder = tmp_path_factory.mktemp("page")
    with LiveServer(folder, number=2, queue_size=20, load=load_scripted) as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium. The tests fail if there is none; they are not skipped."""
    try:
        program = find_chromium()
    except NoChromium as error:
        pytest.fail(str(error), pytrace=False)
    arguments: Sequence[str] = [*browser_arguments(), *FAKE_CAMERA]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(arguments))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def windows(browser: Browser) -> Iterator[Callable[..., Page]]:
    """windows(**options): a page shared by all tests with the same options, so files load once.

    own=True opens a new page, which the test may modify.
    """
    opened: dict[str, Page] = {}

    def window(own: bool = False, **options: Any) -> Page:
        options = {"locale": "en-GB", "viewport": VIEWPORT, **options}
        key = f"own {len(opened)}" if own else repr(sorted(options.items()))
        if key not in opened:
            context = browser.new_context(**options)
            context.set_default_timeout(TIMEOUT_MS)
            opened[key] = context.new_page()
        opened[key].set_viewport_size(options["viewport"])
        return opened[key]

    yield window
    for page in opened.values():
        page.context.close()


@pytest.fixture
def visit(
    windows: Callable[..., Page], page_server: LiveServer, no_error_log: None
) -> Iterator[Callable[..., Visit]]:
    """visit(path, **window options): opens a page without the storage of earlier tests.

    clocked=True: the test controls the clock of the page.
    """
    visits: list[Visit] = []

    def open_page(path: str = "/", clocked: bool = False, **options: Any) -> Visit:
        visit = Visit(windows(**({"own": True} if clocked else {}), **options), page_server)
        if clocked:
            visit.page.clock.install()
        visits.append(visit)
        visit.watch()
        visit.page.goto(f"http://127.0.0.1:{page_server.port}{path}")
        return visit

    yield open_page
    for visit in visits:
        visit.leave()
    for visit in visits:
        visit.check()
    page_server.check_whole()


@pytest.fixture
def here(visit: Callable[..., Visit]) -> Visit:
    """The page at / in English."""
    return visit()
