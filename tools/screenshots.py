"""Screenshots of the pages for the docs, with a real server, models and browser.

python tools/screenshots.py writes docs/images/page_*.png and status_*.png.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from chromium import ROOT, browser_arguments, find_chromium

IMAGES = [ROOT / "imgs" / name for name in ("receipt.jpg", "sign.jpg", "document.png", "mixed.jpg")]
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
THEMES = ("light", "dark")
START_SECONDS = 60.0
MOST_BYTES = 200_000
STATUS_SECONDS = 24.0
SENDERS = 4


def main() -> int:
    """Take all screenshots; returns the exit status."""
    parser = argparse.ArgumentParser(description="Screenshots of the pages for the docs.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only", choices=("page", "status"), help="only this page")
    parser.add_argument("--language", default="en", help="en (the default) or zh-CN")
    options = parser.parse_args()
    with real_server() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=browser_arguments()
        )
        if options.only != "status":
            for (name, theme), shot in windows(browser, url, options.language).items():
                show_results(shot, name == "narrow")
                write(shot, options.output / f"page_{name}_{theme}.png")
        if options.only != "page":
            shots = windows(browser, f"{url}status", options.language)
            with traffic(url):
                time.sleep(STATUS_SECONDS)
                for (name, theme), shot in shots.items():
                    write(shot, options.output / f"status_{name}_{theme}.png")
        browser.close()
    return 0


@contextlib.contextmanager
def real_server() -> Iterator[str]:
    """Start the server with config.json on a free port; gives its address."""
    command = [sys.executable, str(ROOT / "setup.py"), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found is not None, f"the server said: {line}"
        url = f"{found[0]}/"
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(url):
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def is_ready(url: str) -> bool:
    """Whether /readyz answers 200."""
    try:
        with urllib.request.urlopen(f"{url}readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


def windows(browser: Browser, url: str, language: str) -> dict[tuple[str, str], Page]:
    """The page in every size and theme."""
    return {
        (name, theme): page_of(browser, url, theme, size, language)
        for theme in THEMES
        for name, size in SIZES.items()
    }


def page_of(browser: Browser, url: str, theme: str, size: tuple[int, int], language: str) -> Page:
    """A page in a window of its own."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
    )
    page = context.new_page()
    page.goto(url)
    return page


def show_results(page: Page, is_narrow: bool) -> None:
    """All images read, the first one shown, one of its lines chosen."""
    page.set_input_files("#choose-input", IMAGES)
    expect(page.locator(".tray-row.done")).to_have_count(len(IMAGES), timeout=20_000)
    expect(page.locator(".thumbnail[style]")).to_have_count(len(IMAGES))
    page.locator("#lines li").nth(2).click()
    page.wait_for_selector(".notice:not(.shown)", state="attached")
    if is_narrow:
        page.evaluate("scrollTo(0, 0)")


@contextlib.contextmanager
def traffic(url: str) -> Iterator[None]:
    """Images for the server meanwhile, most of them new to it."""
    stop = threading.Event()

    def send(sender: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            image = Image.open(IMAGES[number % len(IMAGES)]).convert("RGB")
            if number % 3:
                image.paste((number % 256, 40 * sender, 90), (0, 0, 16, 16))
            encoded = io.BytesIO()
            image.save(encoded, "JPEG")
            request = urllib.request.Request(f"{url}ocr", encoded.getvalue(), method="POST")
            request.add_header("Content-Type", "image/jpeg")
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(request, timeout=30).close()
            stop.wait(0.5 * (number // 12 % 2))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def write(page: Page, path: Path) -> None:
    """A small PNG: 256 colours are enough for a page without photographs."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").quantize(256).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {size / 1000:.0f} kB")
    assert size < MOST_BYTES, f"{path.name} is too large for the docs"
    page.context.close()


if __name__ == "__main__":
    sys.exit(main())
