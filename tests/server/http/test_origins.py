"""The headers Host, Origin and Sec-Fetch-Site, and CORS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from server.http.client_address import is_loopback
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.live_server import LiveServer
from tests.support.raw_sockets import connect, received

APP = "https://app.example.com"
IMAGE = card("from a page")
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-api-key",
}


def serve(folder: Path, **web_server: Any) -> LiveServer:
    """A server on 127.0.0.1 with these settings."""
    folder.mkdir(exist_ok=True)
    return LiveServer(folder, number=1, queue_size=4, more={"web_server": web_server})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with serve(tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    allowed = ["ocr.example.com", "*.lan"]
    with serve(tmp_path_factory.mktemp("named"), allowed_hosts=allowed) as server:
        yield server


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("proxied")
    with serve(folder, trusted_proxies=["127.0.0.1"]) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with serve(tmp_path_factory.mktemp("shared"), cors_origins=[APP]) as server:
        yield server


@pytest.mark.faults(62)
@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8888",
        "localhost.",
        "ocr.localhost",
        "127.0.0.1",
        "127.8.0.1",
        "[::1]:8888",
    ],
)
def test_on_loopback_this_machine_is_known_by_its_own_names(plain: LiveServer, host: str) -> None:
    assert plain.get("/livez", {"Host": host}).status == 200
    assert plain.upload(IMAGE, {"Host": host}).status == 200


@pytest.mark.faults(62)
@pytest.mark.parametrize("path", ["/", "/livez", "/healthz", "/metrics", "/docs", "/usage"])
@pytest.mark.parametrize(
    "host", ["rebind.example", "10.0.0.1", "localhost.example", "notlocalhost"]
)
def test_on_loopback_another_name_is_refused_on_every_route(
    plain: LiveServer, host: str, path: str
) -> None:
    reply = plain.get(path, {"Host": host, "Accept": "text/html"})
    assert_error(reply, 421, "host_not_allowed", host, "web_server.allowed_hosts")


@pytest.mark.faults(62)
def test_a_rebound_name_cannot_upload_though_it_is_its_own_site(plain: LiveServer) -> None:
    page = {"Host": "rebind.example", "Origin": "http://rebind.example"}
    page["Sec-Fetch-Site"] = "same-origin"
    assert_error(plain.upload(IMAGE, page), 421, "host_not_allowed")
    assert_error(plain.request("DELETE", "/jobs/x", None, page), 421, "host_not_allowed")
    assert_error(plain.request("POST", "/batches", b"", page), 421, "host_not_allowed")


def test_a_request_of_http_1_0_needs_no_host(plain: LiveServer) -> None:
    with connect(plain.port) as connection:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("ocr.example.com", 200),
        ("OCR.example.com:443", 200),
        ("any.lan", 200),
        ("localhost:8888", 200),
        ("10.0.0.7:8888", 200),  # a probe of Kubernetes names the address of the pod
        ("[2001:db8::1]", 200),
        ("example.com", 421),
        ("a.ocr.example.com", 421),
        ("a.any.lan", 421),
        ("lan", 421),
    ],
)
def test_allowed_hosts(named: LiveServer, host: str, status: int) -> None:
    assert named.get("/livez", {"Host": host}).status == status
    assert named.get("/livez", {"Host": host}).status == status  # the first answer is remembered


def test_a_trusted_proxy_may_name_any_host(proxied: LiveServer) -> None:
    page = {"Host": "ocr.example.com", "Origin": "https://ocr.example.com"}
    assert proxied.get("/livez", page).status == 200
    assert proxied.upload(IMAGE, page).status == 200


def test_a_trusted_proxy_may_change_the_host(proxied: LiveServer) -> None:
    page = {"X-Forwarded-Host": "ocr.example.com", "Origin": "https://ocr.example.com"}
    assert proxied.upload(IMAGE, page).status == 200
    assert proxied.upload(IMAGE, {**page, "Origin": "https://evil.example"}).status == 403


@pytest.mark.faults(62)
def test_nobody_else_may_say_what_the_host_was(plain: LiveServer) -> None:
    page = {"X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    assert_error(plain.upload(IMAGE, page), 403, "cross_site")


@pytest.mark.faults(62)
@pytest.mark.parametrize(
    "page",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "nonsense"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
    ids=lambda page: "-".join(page.values()),
)
def test_the_page_of_another_site_cannot_start_or_delete(
    plain: LiveServer, page: Mapping[str, str]
) -> None:
    assert_error(plain.upload(IMAGE, page), 403, "cross_site", "web_server.cors_origins")
    assert_error(plain.request("DELETE", "/jobs/x", None, page), 403, "cross_site")
    assert_error(plain.request("POST", "/batch", b"", page), 403, "cross_site")
    assert_error(plain.request("POST", "/admin/keys", b"{}", page), 403, "cross_site")
    assert plain.get("/livez", page).status == 200


def test_the_own_page_may_upload(plain: LiveServer) -> None:
    own = f"http://127.0.0.1:{plain.port}"
    for page in (
        {"Origin": own},
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://behind.a.proxy", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert plain.upload(IMAGE, page).status == 200, page


def test_without_the_setting_no_page_gets_headers_of_cors(plain: LiveServer) -> None:
    reply = plain.request("OPTIONS", "/ocr", None, {"Origin": APP, **PREFLIGHT})
    assert_error(reply, 405, "method_not_allowed")
    for answer in (reply, plain.get("/livez", {"Origin": APP})):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert "Vary" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/ocr", "/ocr_service", "/jobs/x", "/batches", "/results/x", "/usage"]
)
def test_a_preflight_of_an_allowed_site_is_answered(shared: LiveServer, path: str) -> None:
    reply = shared.request("OPTIONS", path, None, {"Origin": APP, **PREFLIGHT})
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == APP
    assert "POST" in reply.headers["Access-Control-Allow-Methods"].split(", ")
    sendable = reply.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"content-type", "x-api-key", "authorization", "idempotency-key"} <= set(sendable)
    assert reply.headers["Vary"] == "Origin"


def test_a_preflight_of_another_site_is_refused(shared: LiveServer) -> None:
    page = {"Origin": "https://evil.example", **PREFLIGHT}
    reply = shared.request("OPTIONS", "/ocr", None, page)
    assert_error(reply, 405, "method_not_allowed")
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_an_allowed_site_may_upload_and_read_answers_and_errors(shared: LiveServer) -> None:
    page = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    answers = [
        shared.upload(IMAGE, page),
        shared.upload(b"no image", page),
        shared.get("/livez", page),
        shared.get("/nowhere", page),
    ]
    assert [reply.status for reply in answers] == [200, 415, 200, 404]
    for reply in answers:
        assert reply.headers["Access-Control-Allow-Origin"] == APP
        assert "X-Request-Id" in reply.headers["Access-Control-Expose-Headers"].split(", ")
        assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_cached_answer_is_kept_apart_by_its_site(shared: LiveServer) -> None:
    usage = shared.get("/usage", {"Accept": "text/html"})
    assert usage.headers.get_all("Vary") == ["Origin", "Accept"]
    assert shared.get("/livez").headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in shared.get("/livez").headers


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("127.0.0.1", 80), True),
        (("::1", 80, 0, 0), True),
        (("::ffff:127.0.0.1", 80, 0, 0), True),
        (("0.0.0.0", 80), False),
        (("::", 80, 0, 0), False),
        (("192.0.2.1", 80), False),
        ("/run/ocr.sock", False),
    ],
)
def test_which_addresses_are_loopback(address: Any, expected: bool) -> None:
    assert is_loopback(address) is expected
