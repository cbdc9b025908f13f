"""The pages of docs/: troubleshooting has every code, and the site is built without a complaint."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ocr_engine.options import RecognitionOptions
from server.http.errors import STATUS
from server.http.openapi.description import describe
from server.intake.request_fields import KNOWN_FIELDS
from server.settings.settings import Settings
from tests.support.checkout import ROOT

DOCS = ROOT / "docs"
_CODE = re.compile(r"^### `(\w+)`\n\nStatus (\d{3})\. (.+)", re.MULTILINE)
_LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?([^"'\s>]+)""")


def test_troubleshooting_has_every_code() -> None:
    told = {
        (code, int(status))
        for code, status, _ in _CODE.findall((DOCS / "troubleshooting.md").read_text())
    }
    assert told == {(error.code, status) for error, status in STATUS.items()}


def test_the_reference_has_every_call_and_field() -> None:
    reference = (DOCS / "api.md").read_text()
    for path, item in describe(Settings(), RecognitionOptions())["paths"].items():
        shown = path.replace("{id}", "ID").replace("{key_id}", "ID").replace("{md5}", "MD5")
        shown = shown.replace("{file}", "…").replace("{page}", "N")
        assert f"{shown}`" in reference, path
        if "delete" in item:
            assert f"`DELETE {shown}`" in reference
    tables = reference + (DOCS / "documents.md").read_text()
    for name in KNOWN_FIELDS:
        assert f"| `{name}` |" in tables, name


def test_the_site_is_built_and_needs_no_other_host(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert {"index.html", "api.html", "troubleshooting.html"} <= {page.name for page in pages}
    for page in pages:
        loaded = _LOADED.findall(page.read_text())
        assert loaded
        assert not [url for url in loaded if re.match(r"(https?:)?//", url)], page.name
    examples = (tmp_path / "site" / "examples" / "index.html").read_text()
    assert "HttpClient" in examples
    assert "include recognize" not in examples
