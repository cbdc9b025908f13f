"""The server behind nginx and Caddy, with TLS, as deploy/ configures them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.http_client import Part, image_part, multipart
from tests.support.proxies import NAME, SETTINGS, Proxy, Start, caddy, nginx
from tests.support.server_process import ServerProcess
from tests.support.socket_server import SocketServer, ask
from tests.support.watching import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), SETTINGS, fakes=True) as running:
        yield running


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest,
    server: ServerProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    with request.param(tmp_path_factory.mktemp("proxy"), server.port) as running:
        yield running


def test_an_image_is_read_through_the_proxy(proxy: Proxy) -> None:
    body, headers = multipart([image_part(card("through the proxy"))])
    reply = proxy.request("POST", "/ocr", body, headers)
    assert (reply.status, reply.text) == (200, "through the proxy")


def test_an_upload_of_several_megabytes_is_read(proxy: Proxy) -> None:
    body, headers = multipart([image_part(card("large") + bytes(6 << 20))])
    assert proxy.request("POST", "/ocr", body, headers).text == "large"


def upload_of(proxy: Proxy, size: int, folder: Path) -> tuple[str, str]:
    """The status and the body of the answer to a file of so many bytes, sent by curl."""
    large = folder / "large.png"
    large.write_bytes(bytes(size))
    command = [
        *("curl", "-sS", "--cacert", str(proxy.certificate.file)),
        *("--resolve", f"{NAME}:{proxy.port}:127.0.0.1", "-F", f"file=@{large}"),
        *("-w", "\n%{http_code}", f"https://{NAME}:{proxy.port}/ocr"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return status, body


def test_a_body_a_little_above_the_limit_is_refused_by_the_server_in_json(
    proxy: Proxy, tmp_path: Path
) -> None:
    status, body = upload_of(proxy, (10 << 20) + 1000, tmp_path)
    assert (status, json.loads(body)["error"]["code"]) == ("413", "body_too_large")


def test_a_body_far_above_the_limit_gets_413(proxy: Proxy, tmp_path: Path) -> None:
    assert upload_of(proxy, 12 << 20, tmp_path)[0] == "413"


@pytest.mark.parametrize("path", ["/livez", "/jobs/unknown/events"])
def test_the_request_id_of_a_client_is_kept_and_others_get_one(proxy: Proxy, path: str) -> None:
    kept = proxy.request("GET", path, None, {"X-Request-Id": "order-66/b"})
    assert kept.headers["X-Request-Id"] == "order-66/b"
    made = {proxy.request("GET", path).headers["X-Request-Id"] for _ in range(2)}
    assert len(made) == 2


def test_the_log_has_the_clients_address_whatever_the_client_claims(
    proxy: Proxy, server: ServerProcess
) -> None:
    claims = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    reply = proxy.request("GET", "/jobs/unknown", None, claims)
    line = rf" {proxy.source} GET /jobs/unknown .*{reply.headers['X-Request-Id']}"
    wait_until(lambda: re.search(line, server.output), "the line of the access log")


def test_the_pages_arrive_with_their_headers(proxy: Proxy) -> None:
    reply = proxy.request("GET", "/")
    assert reply.status == 200
    assert "default-src" in reply.headers["Content-Security-Policy"]


def test_events_of_a_job_arrive_while_it_runs(proxy: Proxy, gate: Path) -> None:
    body, headers = multipart([image_part(card(f"hold {gate}")), Part("block_flag", b"false")])
    url = proxy.request("POST", "/ocr_service", body, headers).headers["Location"]
    with contextlib.closing(proxy.connection()) as connection:
        connection.request("GET", f"{url}/events", headers={"Host": NAME})
        answer = connection.getresponse()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert b"event: state\n" in lines_until(answer, b"\n")  # the job is not finished
        gate.unlink()
        assert b"event: end\n" in lines_until(answer, b"")


def lines_until(answer: HTTPResponse, last: bytes) -> list[bytes]:
    """The lines before this one, or before the end."""
    return list(iter(answer.readline, last))


def test_a_batch_larger_than_an_image_may_be_is_accepted(proxy: Proxy) -> None:
    files = [image_part(card(f"large {n}") + bytes(6 << 20)) for n in range(3)]
    body, headers = multipart(files)
    reply = proxy.request("POST", "/batches", body, headers)
    assert (reply.status, reply.json["batch"]["files"]) == (202, 3)


@pytest.mark.parametrize("start", [nginx, caddy])
def test_under_a_path(start: Start, server: ServerProcess, tmp_path: Path) -> None:
    with start(tmp_path, server.port, under_a_path=True) as proxy:
        body, headers = multipart([image_part(card("below")), Part("block_flag", b"false")])
        headers["X-Forwarded-Prefix"] = "/forged"
        reply = proxy.request("POST", "/ocr/ocr_service", body, headers)
        url = reply.headers["Location"]
        assert (reply.status, url) == (202, f"/ocr/jobs/{reply.json['job']['id']}")
        done = proxy.request("GET", f"{url}?wait=30")
        assert done.text == "below"
        assert done.json["job"]["url"] == url
        assert proxy.request("GET", "/ocr/").status == 200
        assert proxy.request("GET", "/ocr").headers["Location"].endswith("/ocr/")
        direct = proxy.request("POST", "/ocr_service", body, headers)
        assert direct.headers["Location"].startswith("/jobs/")
        large, headers = multipart([image_part(card("large") + bytes(6 << 20))] * 2)
        assert proxy.request("POST", "/ocr/batches", large, headers).status == 202


def test_without_the_server_the_proxy_says_so_in_json(tmp_path: Path) -> None:
    for start, name in ((nginx, "a"), (caddy, "b")):
        folder = tmp_path / name
        folder.mkdir()
        with start(folder, 9) as proxy:
            reply = proxy.request("GET", "/livez")
            assert (reply.status, reply.code) == (503, "starting")
            assert reply.headers["Retry-After"] == "5"
            assert reply.headers["Content-Type"] == "application/json"


def test_nginx_reaches_the_server_on_a_unix_socket(tmp_path: Path) -> None:
    server = SocketServer(tmp_path, {"ocr": {"process": {"number": 1}}}, fakes=True)
    server.start()
    try:
        wait_until(lambda: ask(server.path).status == 200, "a warm worker")
        folder = tmp_path / "nginx"
        folder.mkdir()
        with nginx(folder, f"unix:{server.path}") as proxy:
            body, headers = multipart([image_part(card("through a socket"))])
            page = {"Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
            reply = proxy.request("POST", "/ocr", body, {**headers, **page})
            assert (reply.status, reply.text) == (200, "through a socket")
            line = f"{proxy.source} POST /ocr 200"
            wait_until(lambda: line in server.output, "the client's address in the log")
    finally:
        server.stop()
