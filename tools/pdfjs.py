"""pdf.js for the tests: found in .venv, or downloaded into it.

    python tools/pdfjs.py

It is the npm package pdfjs-dist, with its version and digest below. Its folder may also be named in
OCR_TEST_PDFJS.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from chromium import FETCH_SECONDS, registry

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "OCR_TEST_PDFJS"
PACKAGE = "pdfjs-dist"
VERSION = "6.5.438"
SHA512 = "vg8Pw1x+AFKy4AMDvhuWl5cOYV8d698UoEANoFFhc79hqXDnZQqnOXoxw3HG907WHOg1JYOvLhP756boddFxpA=="
FETCHED = ROOT / ".venv" / f"pdfjs-{VERSION}"
FILES = ("pdf.min.mjs", "pdf.worker.min.mjs")


class NoPdfjs(Exception):
    """There is no pdf.js; the message says what to do."""


def find_pdfjs() -> Path:
    """The folder with FILES; NoPdfjs if there is none."""
    folder = Path(os.environ.get(VARIABLE) or FETCHED)
    if not all((folder / name).is_file() for name in FILES):
        raise NoPdfjs(f"pdf.js is missing in {folder}: make servers fetches it")
    return folder


def fetch() -> None:
    """Download, check and unpack the pinned version; NoPdfjs if that is not possible."""
    address = f"{registry()}{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(address, timeout=FETCH_SECONDS) as answer:
            archive: bytes = answer.read()
    except OSError as error:
        raise NoPdfjs(
            f"{PACKAGE} {VERSION} cannot be fetched from the npm registry: {error}"
        ) from None
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != SHA512:
        raise NoPdfjs(f"{PACKAGE} {VERSION} has the SHA-512 {digest}; expected {SHA512}")
    with tempfile.TemporaryDirectory(dir=FETCHED.parent) as scratch:
        folder = Path(scratch) / "pdfjs"
        folder.mkdir()
        with tarfile.open(fileobj=io.BytesIO(archive)) as package:
            for name in FILES:
                member = package.extractfile(f"package/build/{name}")
                assert member is not None
                (folder / name).write_bytes(member.read())
        shutil.rmtree(FETCHED, ignore_errors=True)
        folder.rename(FETCHED)


def main() -> int:
    """Fetch it if it is missing; returns the exit status."""
    try:
        try:
            find_pdfjs()
        except NoPdfjs:
            print(f"fetching pdf.js ({PACKAGE} {VERSION}) ...", flush=True)
            fetch()
    except NoPdfjs as error:
        print(f"pdfjs: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
