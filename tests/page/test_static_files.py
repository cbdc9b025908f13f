"""Static files of the pages: headers, ETags, texts, nothing inline, no third-party hosts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.http.errors import STATUS
from server.http.handlers.page import STATIC_FOLDER
from server.http.openapi.description import TAGS
from tests.support.error_replies import assert_error
from tests.support.live_server import LiveServer

PAGES = ["/", "/status"]
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
}
# Failures detected by the page itself.
ERRORS_OF_THE_PAGE = {
    "cancelled",
    "file_too_large",
    "network",
    "browser_failed",
    "document_too_large",
    "unexpected_answer",
}
IMPORTED = re.compile(r'(?:^import\b|^\} from\b)[^"\n]*"([^"]+)"', re.MULTILINE)
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

SOURCES = [path for path in STATIC_FOLDER.rglob("*") if path.is_file()]
OURS = [path for path in SOURCES if "docs" not in path.parts]


def linked(server: LiveServer, path: str) -> list[str]:
    """The static files that a page links to."""
    page = server.get(path).body.decode()
    return re.findall(r'(?:src|href)="(static/[^"]+)"', page)


def strings(language: str) -> dict[str, str]:
    """The texts of a language: keys and the source code of their values."""
    text = (STATIC_FOLDER / "shared" / f"strings_{language}.js").read_text()
    entries = re.findall(r"^  (\w+): *\n? *(.+?),?$", text, re.MULTILINE)
    assert len(entries) > 100
    return dict(entries)


@pytest.mark.parametrize("tag", TAGS)
def test_each_part_of_the_api_page_has_a_title_in_both_languages(tag: str) -> None:
    text = (STATIC_FOLDER / "docs" / "strings.js").read_text()
    assert len(re.findall(rf"^    tag_{tag}: ", text, re.MULTILINE)) == 2


@pytest.mark.parametrize("path", PAGES)
def test_headers_of_a_page(page_server: LiveServer, path: str) -> None:
    reply = page_server.get(path)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-cache"
    assert set(reply.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in reply.headers["Permissions-Policy"]
    assert "{{" not in reply.body.decode()


@pytest.mark.parametrize("path", PAGES)
def test_linked_files_exist_and_are_immutable(page_server: LiveServer, path: str) -> None:
    files = linked(page_server, path)
    assert len(files) >= 4
    for file in files:
        reply = page_server.get(f"/{file}")
        assert reply.status == 200, file
        assert "immutable" in reply.headers["Cache-Control"]
        assert reply.headers["Content-Type"] == TYPES.get(Path(file).suffix, "image/svg+xml")


@pytest.mark.parametrize("path", PAGES)
def test_a_matching_etag_gets_304(page_server: LiveServer, path: str) -> None:
    for address in (path, f"/{linked(page_server, path)[0]}"):
        tag = page_server.get(address).headers["ETag"]
        again = page_server.get(address, {"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == tag
        assert page_server.get(address, {"If-None-Match": '"another"'}).status == 200


def test_head_has_no_body(page_server: LiveServer) -> None:
    reply = page_server.request("HEAD", "/")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 1000


def test_a_page_rejects_other_methods(page_server: LiveServer) -> None:
    assert_error(page_server.request("POST", "/", b"x"), 405, "method_not_allowed", "GET")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/index.html",
        "/static/read/index.html",
        "/static/0123456789abcdef/page.js",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
    ],
)
def test_only_known_static_paths_are_served(page_server: LiveServer, path: str) -> None:
    assert_error(page_server.get(path), 404, "not_found")


def test_the_page_knows_the_limit_of_the_settings(page_server: LiveServer) -> None:
    limit = page_server.context.max_body_bytes
    assert f'data-max-body-bytes="{limit}"' in page_server.get("/").body.decode()


def test_no_source_refers_to_another_host() -> None:
    named = {
        match
        for path in SOURCES
        for match in re.findall(r"""["'`(=]\s*((?:https?:)?//[\w.]+[^\s"'`)]*)""", path.read_text())
    }
    assert named <= {"http://www.w3.org/2000/svg"}


def test_a_page_imports_only_its_own_and_shared_modules() -> None:
    imports = 0
    for path in SOURCES:
        if path.suffix != ".js":
            continue
        for target in IMPORTED.findall(path.read_text()):
            module = (path.parent / target).resolve()
            assert module in SOURCES, f"{path.name} imports {target}"
            assert module.parent in (path.parent, STATIC_FOLDER / "shared"), path.name
            imports += 1
    assert imports > 50


def test_nothing_is_inline() -> None:
    for path in SOURCES:
        if path.suffix == ".html":
            page = path.read_text()
            assert not re.search(r"<script(?![^>]*\bsrc=)", page), path.name
            assert not re.search(r"<style|\sstyle=|\son\w+=", page), path.name


def test_recognized_text_cannot_become_html() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
    assert [path.name for path in OURS if forbidden.search(path.read_text())] == []


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, chinese = strings("en"), strings("zh")
    assert list(english) == list(chinese)
    for key, value in english.items():
        assert set(re.findall(r"\{\w+\}", value)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_text_is_used_and_every_used_text_exists() -> None:
    known = set(strings("en"))
    code = "\n".join(path.read_text() for path in OURS if "strings_" not in path.name)
    named = set(re.findall(r'translate\("(\w+)"|data-(?:text|label|name)="(\w+)"', code))
    used = {one or other for one, other in named}
    assert used <= known
    families = re.findall(r'(?:`|")(\w+_)(?:\$\{|", )', code)
    quoted = set(re.findall(r'"(\w+)"', code))
    unused = {
        key
        for key in known - used - quoted
        if not any(key.startswith(family) for family in families)
    }
    assert unused == set()


def test_texts_of_errors_are_of_known_codes() -> None:
    codes = {error.code for error in STATUS} | {"internal_error"}
    messages = {key.removeprefix("error_") for key in strings("en") if key.startswith("error_")}
    assert messages <= codes | ERRORS_OF_THE_PAGE
    assert messages >= ERRORS_OF_THE_PAGE
