"""What the pages are made of: headers, tags, dictionaries, nothing inline, no foreign host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.http.errors import STATUS
from server.http.handlers.page import STATIC_FOLDER
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
# What the page says of failures that no server has told it, and codes that proxies and keys bring.
ERRORS_OF_THE_PAGE = {"cancelled", "file_too_large", "network", "page_failed", "unexpected_answer"}
ERRORS_TO_COME = {"rate_limited", "quota_exceeded", "unauthorized", "forbidden"}
IMPORTED = re.compile(r'(?:^import\b|^\} from\b)[^"\n]*"([^"]+)"', re.MULTILINE)
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

SOURCES = [path for path in STATIC_FOLDER.rglob("*") if path.is_file()]
OURS = [path for path in SOURCES if "docs" not in path.parts]


def linked(server: LiveServer, path: str) -> list[str]:
    """The addresses of the files that a page names."""
    page = server.get(path).body.decode()
    return re.findall(r'(?:src|href)="(static/[^"]+)"', page)


def strings(language: str) -> dict[str, str]:
    """A dictionary of the pages: keys and the code of their values."""
    text = (STATIC_FOLDER / "shared" / f"strings_{language}.js").read_text()
    entries = re.findall(r"^  (\w+): *\n? *(.+?),?$", text, re.MULTILINE)
    assert len(entries) > 100
    return dict(entries)


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
def test_files_of_a_page_are_there_and_may_be_kept(page_server: LiveServer, path: str) -> None:
    files = linked(page_server, path)
    assert len(files) >= 4
    for file in files:
        reply = page_server.get(f"/{file}")
        assert reply.status == 200, file
        assert "immutable" in reply.headers["Cache-Control"]
        assert reply.headers["Content-Type"] == TYPES.get(Path(file).suffix, "image/svg+xml")


@pytest.mark.parametrize("path", PAGES)
def test_a_tag_that_is_known_is_answered_with_304(page_server: LiveServer, path: str) -> None:
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


def test_a_page_takes_no_other_method(page_server: LiveServer) -> None:
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
def test_no_path_reaches_the_disk(page_server: LiveServer, path: str) -> None:
    assert_error(page_server.get(path), 404, "not_found")


def test_the_page_knows_the_limit_of_the_settings(page_server: LiveServer) -> None:
    limit = page_server.context.max_body_bytes
    assert f'data-max-body-bytes="{limit}"' in page_server.get("/").body.decode()


def test_no_source_names_another_host() -> None:
    named = {
        match
        for path in SOURCES
        for match in re.findall(r"""["'`(=]\s*((?:https?:)?//[\w.]+[^\s"'`)]*)""", path.read_text())
    }
    assert named <= {"http://www.w3.org/2000/svg"}


def test_a_page_takes_modules_of_its_own_and_shared_ones() -> None:
    taken = 0
    for path in SOURCES:
        if path.suffix != ".js":
            continue
        for target in IMPORTED.findall(path.read_text()):
            module = (path.parent / target).resolve()
            assert module in SOURCES, f"{path.name} imports {target}"
            assert module.parent in (path.parent, STATIC_FOLDER / "shared"), path.name
            taken += 1
    assert taken > 50


def test_nothing_is_inline() -> None:
    for path in SOURCES:
        if path.suffix == ".html":
            page = path.read_text()
            assert not re.search(r"<script(?![^>]*\bsrc=)", page), path.name
            assert not re.search(r"<style|\sstyle=|\son\w+=", page), path.name


def test_recognized_text_cannot_become_html() -> None:
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
    assert [path.name for path in OURS if forbidden.search(path.read_text())] == []


def test_both_languages_say_the_same() -> None:
    english, chinese = strings("en"), strings("zh")
    assert list(english) == list(chinese)
    for key, value in english.items():
        assert set(re.findall(r"\{\w+\}", value)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_string_is_used_and_every_used_one_is_there() -> None:
    known = set(strings("en"))
    code = "\n".join(path.read_text() for path in OURS if "strings_" not in path.name)
    named = set(re.findall(r'say\("(\w+)"|data-(?:text|label|name)="(\w+)"', code))
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


def test_every_error_code_has_a_message() -> None:
    codes = {error.code for error in STATUS} | {"internal_error"}  # type: ignore[attr-defined]
    told = {key.removeprefix("error_") for key in strings("en") if key.startswith("error_")}
    assert told == codes | ERRORS_OF_THE_PAGE | ERRORS_TO_COME
