"""The server behind nginx and Caddy, with TLS, as deploy/ configures them."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from http.client import HTTPResponse
from pathlib import Path

import pytest

from server.http.handlers.files_exchange import MAX_UPLOAD_SECONDS
from server.http.routes import HEADER_SECONDS
from server.settings.settings import Settings
from tests.support import proxies
from tests.support.cards import card
from tests.support.http_client import Part, image_part, multipart
from tests.support.proxies import CADDY, NAME, NGINX, Proxy, caddy, nginx
from tests.support.server_process import ServerProcess
from tests.support.socket_server import SocketServer, ask
from tests.support.watching import wait_until

pytestmark = pytest.mark.slow

FILES = sorted((*NGINX.iterdir(), *CADDY.iterdir()))
SETTINGS = {
    "web_server": {"trusted_proxies": ["127.0.0.1"]},
    "ocr": {"process": {"number": 1}},
}
Start = Callable[..., AbstractContextManager[Proxy]]


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
def test_below_a_path(start: Start, server: ServerProcess, tmp_path: Path) -> None:
    with start(tmp_path, server.port, below_a_path=True) as proxy:
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


@pytest.fixture
def two_servers(tmp_path: Path) -> Iterator[list[ServerProcess]]:
    with contextlib.ExitStack() as stack:
        servers = []
        for name in ("first", "second"):
            folder = tmp_path / name
            folder.mkdir()
            servers.append(stack.enter_context(ServerProcess(folder, SETTINGS, fakes=True)))
        yield servers


def text_of(proxy: Proxy, text: str) -> str:
    """What is read on a card through the proxy."""
    body, headers = multipart([image_part(card(text))])
    reply = proxy.request("POST", "/ocr", body, headers)
    assert reply.status == 200, reply
    return reply.text


def busy_one(servers: list[ServerProcess], text: str) -> ServerProcess:
    """The server that has begun this card."""
    wait_until(lambda: any(each.begun(text) for each in servers), "a server that has begun it")
    (found,) = (each for each in servers if each.begun(text))
    return found


@pytest.mark.parametrize("start", [nginx, caddy])
def test_the_server_with_the_fewest_requests_gets_the_next_one(
    start: Start, two_servers: list[ServerProcess], tmp_path: Path, gate: Path
) -> None:
    held = f"hold {gate}"
    with (
        start(tmp_path, *(each.port for each in two_servers)) as proxy,
        ThreadPoolExecutor(1) as client,
    ):
        first = client.submit(text_of, proxy, held)
        busy = busy_one(two_servers, held)
        assert [text_of(proxy, f"card {n}") for n in range(5)] == [f"card {n}" for n in range(5)]
        assert not any(busy.begun(f"card {n}") for n in range(5))
        gate.unlink()
        assert first.result() == held


@pytest.mark.parametrize("killed", [0, 1], ids=["the first", "the second"])
def test_one_of_two_servers_behind_nginx_is_killed(
    killed: int, two_servers: list[ServerProcess], tmp_path: Path
) -> None:
    with nginx(tmp_path, *(each.port for each in two_servers)) as proxy:
        assert text_of(proxy, "before") == "before"
        two_servers[killed].kill()
        texts = [f"after {n}" for n in range(10)]
        assert [text_of(proxy, text) for text in texts] == texts
        assert all(two_servers[1 - killed].begun(text) for text in texts)


@pytest.mark.parametrize("killed", [0, 1], ids=["the first", "the second"])
def test_one_of_two_servers_behind_caddy_is_killed(
    killed: int, two_servers: list[ServerProcess], tmp_path: Path
) -> None:
    with caddy(tmp_path, *(each.port for each in two_servers)) as proxy:
        assert text_of(proxy, "before") == "before"
        two_servers[killed].kill()
        # Caddy up to 2.11.1 does not offer an upload to the other server (caddyserver/caddy#7546).
        wait_until(Repeated(proxy).succeeds, "a proxy that knows it")


@pytest.mark.parametrize("start", [nginx, caddy])
def test_a_server_is_killed_while_it_reads(start: Start, tmp_path: Path, gate: Path) -> None:
    held = f"hold {gate}"
    with ServerProcess(tmp_path, SETTINGS, fakes=True) as killed, ThreadPoolExecutor(1) as client:
        folder = tmp_path / "proxy"
        folder.mkdir()
        with start(folder, killed.port) as proxy:
            body, headers = multipart([image_part(card(held))])
            lost = client.submit(proxy.request, "POST", "/ocr", body, headers)
            wait_until(lambda: killed.begun(held), "a server that has begun it")
            killed.kill()
            assert (lost.result().status, lost.result().code) == (503, "starting")


def test_caddy_sends_nothing_to_a_server_that_drains(
    two_servers: list[ServerProcess], tmp_path: Path, gate: Path
) -> None:
    held = f"hold {gate}"
    with (
        caddy(tmp_path, *(each.port for each in two_servers)) as proxy,
        ThreadPoolExecutor(1) as client,
    ):
        first = client.submit(text_of, proxy, held)
        draining = busy_one(two_servers, held)
        draining.terminate()
        wait_until(lambda: draining.get("/readyz").status == 503, "a server that drains")
        wait_until(Repeated(proxy).succeeds, "a proxy that knows it")
        gate.unlink()
        assert first.result() == held


class Repeated:
    """Sends new cards: so many in a row are read only if the other server gets none of them."""

    IN_A_ROW = 20

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._numbers = itertools.count()

    def succeeds(self) -> bool:
        """Whether all are read; stops at the first that is not."""
        return all(self._is_read(next(self._numbers)) for _ in range(self.IN_A_ROW))

    def _is_read(self, number: int) -> bool:
        body, headers = multipart([image_part(card(f"card {number}"))])
        return self._proxy.request("POST", "/ocr", body, headers).status == 200


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_limits_of_the_proxies_fit_those_of_the_server(file: Path) -> None:
    text, defaults = file.read_text(encoding="utf-8"), Settings()
    process = defaults.ocr.process
    sizes = re.findall(r"(?:client_max_body_size|max_size) (\d+)M?m?(?:iB)?\b", text)
    assert {int(size) for size in sizes} == {
        int(defaults.web_server.max_body_mb) + 1,
        int(defaults.jobs.max_batch_mb) + 1,
    }
    times = [
        int(time) * {"s": 1, "m": 60}[unit]
        for time, unit in re.findall(
            r"(?:proxy_read_timeout|response_header_timeout|import ocr_servers) (\d+)([sm])", text
        )
    ]
    assert min(times) > process.queue_timeout_seconds + process.timeout_seconds
    assert max(times) >= MAX_UPLOAD_SECONDS
    kept = re.findall(r"keepalive(?:_timeout)? +(\d+)s", text)
    assert all(int(seconds) < HEADER_SECONDS for seconds in kept)


@pytest.mark.parametrize("start", [nginx, caddy])
def test_a_wrong_directive_is_refused(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, right, wrong in (
        ("NGINX", "proxy_read_timeout", "proxy_reed_timeout"),
        ("CADDY", "flush_interval", "flush_intervall"),
    ):
        place = tmp_path / name
        shutil.copytree(getattr(proxies, name), place)
        for file in place.iterdir():
            file.write_text(file.read_text().replace(right, wrong))
        monkeypatch.setattr(proxies, name, place)
    with (
        pytest.raises(AssertionError, match=r"proxy_reed_timeout|flush_intervall"),
        start(tmp_path, 9),
    ):
        pass


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
