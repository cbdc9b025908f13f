"""Screenshots of the pages for the docs, with a real server, real models and a real browser.

python tools/screenshots.py writes docs/images/page_*, document_*, status_*, key_* and usage_*.png:
the pages in English in every size and theme, the wide light page in Chinese (needs a Chinese font),
and a server with keys in both languages. --language writes pages in that language only.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from chromium import ROOT, browser_arguments, find_chromium

IMAGES = [ROOT / "imgs" / name for name in ("receipt.jpg", "sign.jpg", "document.png", "mixed.jpg")]
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
THEMES = ("light", "dark")
SUFFIXES = {"en": "", "zh-CN": "_zh"}
START_SECONDS = 60.0
MAX_BYTES = 200_000
TRAFFIC_SECONDS = 24.0
SENDERS = 4
DAILY_QUOTA = 500
DOCUMENT_PAGES = 12
SEARCHED = "harbour"
DOCUMENT_SHOTS = (("wide", "light", "en"), ("narrow", "dark", "en"), ("wide", "light", "zh-CN"))
REPORT = (
    ("Harbour works", "The harbour was dredged to a depth of nine metres in spring."),
    ("Traffic", "Ferries carried 41,200 passengers, six per cent more than before."),
    ("Accounts", "Fees of 318,450 pounds were received; repairs cost 97,120 pounds."),
    ("Staff", "Two pilots joined, and the keeper of the north light retired."),
    ("Outlook", "The quay will be widened next year, if the council agrees."),
)
KEY_SHOTS = (("wide", "light", "en"), ("narrow", "dark", "en"), ("wide", "light", "zh-CN"))


def main() -> int:
    """Take all screenshots; return the exit status."""
    parser = argparse.ArgumentParser(description="Screenshots of the pages for the docs.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    kinds = ("page", "document", "status", "key")
    parser.add_argument("--only", choices=kinds, help="take only this")
    parser.add_argument("--language", choices=tuple(SUFFIXES), help="take only this language")
    options = parser.parse_args()
    language = options.language or "en"
    suffix = SUFFIXES[language]
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=browser_arguments()
        )
        stack.callback(browser.close)
        if options.only in (None, "key"):
            take_keys(browser, options.output, options.language)
        if options.only == "key":
            return 0
        url = stack.enter_context(real_server())
        if options.only in (None, "document"):
            take_documents(browser, url, options.output, options.language)
        if options.only in (None, "page"):
            for (name, theme), shot in windows(browser, url, language).items():
                show_results(shot, name == "narrow")
                write(shot, options.output / f"page_{name}_{theme}{suffix}.png")
            if options.language is None:
                shot = page_of(browser, url, "light", SIZES["wide"], "zh-CN")
                show_results(shot, is_narrow=False)
                write(shot, options.output / "page_wide_light_zh.png")
        if options.only in (None, "status"):
            shots = windows(browser, f"{url}status", language)
            with traffic(url):
                time.sleep(TRAFFIC_SECONDS)
                for (name, theme), shot in shots.items():
                    write(shot, options.output / f"status_{name}_{theme}{suffix}.png")
    return 0


def take_documents(browser: Browser, url: str, output: Path, only: str | None) -> None:
    """A PDF that is read, and searched."""
    pdf = made_pdf()
    for name, theme, language in DOCUMENT_SHOTS:
        if only in (None, language):
            shot = page_of(browser, url, theme, SIZES[name], language)
            show_document(shot, pdf)
            write(shot, output / f"document_{name}_{theme}{SUFFIXES[language]}.png")


def made_pdf() -> bytes:
    """A report whose pages are images, as scanners write them."""
    pages = [report_page(number) for number in range(1, DOCUMENT_PAGES + 1)]
    written = io.BytesIO()
    pages[0].save(written, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    return written.getvalue()


def report_page(number: int) -> Image.Image:
    """An A4 page at 150 dpi."""
    page = Image.new("RGB", (1240, 1754), "#fdfcf8")
    pen = ImageDraw.Draw(page)
    title, text = ImageFont.load_default(46), ImageFont.load_default(27)
    pen.text((130, 140), f"{number}. {REPORT[number % len(REPORT)][0]}", "#1b2a41", title)
    for row in range(22):
        words = REPORT[(number + row) % len(REPORT)][1]
        pen.text((130, 250 + 58 * row + 30 * (row // 6)), words, "#222222", text)
    pen.text((600, 1660), str(number), "#555555", text)
    return page


def show_document(page: Page, pdf: bytes) -> None:
    """Read the document, and search it."""
    file: FilePayload = {"name": "harbour report.pdf", "mimeType": "application/pdf", "buffer": pdf}
    page.set_input_files("#choose-input", [file])
    expect(page.locator(".tray-row.done")).to_have_count(1, timeout=120_000)
    if page.locator("#phone-tabs").is_visible():
        page.locator("#phone-tabs [data-view=image]").click()
    page.locator("#search").fill(SEARCHED)
    page.locator("#search").press("Enter")
    page.locator("#search").press("Enter")
    page.wait_for_function("() => document.getElementById('sheet-image').naturalWidth > 1000")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#page-list img')].every(each => !each.src"
        " || each.complete)"
    )
    page.wait_for_timeout(1000)  # images that come into view


def take_keys(browser: Browser, output: Path, only: str | None) -> None:
    """A server that requires keys: the dialog with a wrong key, what is left today, the usage."""
    admin_key = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as state:
        variables = {
            "OCR_ACCESS__REQUIRED": "true",
            "OCR_ACCESS__ADMIN_KEY": admin_key,
            "STATE_DIRECTORY": state,
        }
        with real_server(variables) as url:
            for name, theme, language in KEY_SHOTS:
                if only not in (None, language):
                    continue
                shot = page_of(browser, url, theme, SIZES[name], language)
                ending = f"{name}_{theme}{SUFFIXES[language]}.png"
                show_key_dialog(shot)
                write(shot, output / f"key_dialog_{ending}", keep_open=True)
                enter_key(shot, new_key(url, admin_key))
                show_results(shot, name == "narrow")
                write(shot, output / f"key_left_{ending}", keep_open=True)
                show_usage(shot, url)
                write(shot, output / f"usage_{ending}")


def new_key(url: str, admin_key: str) -> str:
    """Make a key with a daily quota."""
    fields = {"label": "a screenshot", "daily_quota": DAILY_QUOTA}
    headers = {"Authorization": f"Bearer {admin_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}admin/keys", json.dumps(fields).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["secret"])


def show_key_dialog(page: Page) -> None:
    """Send an image without a key, and enter a wrong one."""
    page.set_input_files("#choose-input", IMAGES[:1])
    page.locator("#key-input").fill("ocr_4hT0p8Qx_a-key-that-is-not-complete")
    page.locator("#key-use").click()
    expect(page.locator("#key-error")).not_to_be_empty()


def enter_key(page: Page, key: str) -> None:
    """Enter the right key, and clear the list when the image is recognized."""
    page.locator("#key-input").fill(key)
    page.locator("#key-use").click()
    expect(page.locator(".tray-row.done")).to_have_count(1, timeout=20_000)
    page.locator("#clear-all").click()


def show_usage(page: Page, url: str) -> None:
    """Open the page of the usage in the same tab, which has the key."""
    page.goto(f"{url}usage")
    expect(page.locator("#days tr")).to_have_count(1)


@contextlib.contextmanager
def real_server(variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the server with config.json on a free port, and these variables; yield its URL."""
    command = [sys.executable, str(ROOT / "setup.py"), "--port", "0"]
    environment = {**os.environ, **(variables or {})}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found is not None, f"no URL in the first line of the server: {line}"
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
    """The page in its own browser context."""
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
    """Recognize all images, show the first one and select a line."""
    page.set_input_files("#choose-input", IMAGES)
    expect(page.locator(".tray-row.done")).to_have_count(len(IMAGES), timeout=20_000)
    expect(page.locator(".thumbnail[style*=blob]")).to_have_count(len(IMAGES))
    with page.expect_response("**/ocr?*"):  # a new result, so that time by stage is shown
        page.locator("#recognize-again").click()
    expect(page.locator(".tray-row.done")).to_have_count(len(IMAGES))
    page.locator("#lines li").nth(2).click()
    page.wait_for_selector(".notice:not(.shown)", state="attached")
    if is_narrow:
        page.evaluate("scrollTo(0, 0)")


@contextlib.contextmanager
def traffic(url: str) -> Iterator[None]:
    """Send images to the server in the background, most of them cache misses."""
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


def write(page: Page, path: Path, keep_open: bool = False) -> None:
    """Save a small PNG; 256 colours are enough for these pages."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").quantize(256).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {size / 1000:.0f} kB")
    assert size < MAX_BYTES, f"{path.name} is too large for the docs"
    if not keep_open:
        page.context.close()


if __name__ == "__main__":
    sys.exit(main())
