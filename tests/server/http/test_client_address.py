"""The client address of a request: the peer's, or the one from trusted proxies."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from tornado.netutil import bind_unix_socket

from server.http.client_address import MAX_HOPS, client_address, peer_address
from server.http.routes import make_http_server
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

TRUSTED = [ip_network(each) for each in ("127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8")]
PROXY = "127.0.0.1"
MANY = ["10.0.0.1"] * (MAX_HOPS - 1)


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:49152", "203.0.113.7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:49152", "2001:db8::7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the client forged the addresses to its left
        ("forged, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3 ,fd00::1", "203.0.113.7"),
        ("198.51.100.1,203.0.113.7,10.1.2.3", "203.0.113.7"),
        ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
        (", ".join(["203.0.113.7", *MANY]), "203.0.113.7"),
    ],
)
def test_the_right_most_address_that_is_not_trusted_is_the_client(header: str, client: str) -> None:
    assert client_address(PROXY, {"X-Forwarded-For": header}, TRUSTED) == client


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        "203.0.113.7,",
        "unknown",
        "203.0.113.7, garbage",
        "garbage, 10.0.0.1",
        "203.0.113.7 198.51.100.1",
        "203.0.113.300",
        "203.0.113.07",
        "3405803783",
        "203.0.113.7:",
        "203.0.113.7:999999",
        "[2001:db8::7",
        "2001:db8::7]",
        "fe80::1%eth0",
        "fe80::1%\x1b[31m",
        "２０３.0.113.7",
        "1" * 30_000,
        ":" * 30_000,
        ", ".join(["203.0.113.7", "10.0.0.1", *MANY]),
        ", ".join(["10.0.0.1"] * 3000),
    ],
    ids=lambda header: header[:30],
)
def test_a_malformed_header_leaves_the_peer(header: str) -> None:
    assert client_address(PROXY, {"X-Forwarded-For": header}, TRUSTED) == PROXY


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ('For="[2001:db8::7]:49152";proto=https;by=10.0.0.1', "2001:db8::7"),
        ("proto=https; FOR=203.0.113.7", "203.0.113.7"),
        ("for=198.51.100.1, for=203.0.113.7;by=10.0.0.1, for=10.0.0.1", "203.0.113.7"),
        ("for=198.51.100.1;x=\"', for=203.0.113.7", "203.0.113.7"),
        ("for=unknown", PROXY),
        ("for=_hidden", PROXY),
        ("for=203.0.113.7, for=_hidden", PROXY),
        ("for=203.0.113.7, by=10.0.0.1", PROXY),
        ("for=203.0.113.7;for=198.51.100.1", PROXY),
        ("for", PROXY),
        ("203.0.113.7", PROXY),
        ('for=203.0.113.7;host="a, for=198.51.100.1"', PROXY),  # a Host that the client forged
        ('for=203.0.113.7;host="a, for=198.51.100.1;x="', PROXY),
        ('for=203.0.113.7;host="' + "a" * 30_000, PROXY),
        ("for=203.0.113.7;" + "a=b;" * 7000, PROXY),
    ],
    ids=lambda text: text[:40],
)
def test_forwarded(header: str, client: str) -> None:
    assert client_address(PROXY, {"Forwarded": header}, TRUSTED) == client


@pytest.mark.parametrize(
    ("forwarded", "client"), [("for=203.0.113.7", "203.0.113.7"), ("for=198.51.100.1", PROXY)]
)
def test_headers_that_contradict_each_other_leave_the_peer(forwarded: str, client: str) -> None:
    headers = {"X-Forwarded-For": "203.0.113.7", "Forwarded": forwarded}
    assert client_address(PROXY, headers, TRUSTED) == client


@pytest.mark.parametrize("peer", ["203.0.113.1", "127.0.0.2", "2001:db8::1"])
def test_other_peers_are_not_believed(peer: str) -> None:
    headers = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1"}
    assert client_address(peer, headers, TRUSTED) == peer
    assert client_address(peer, headers, []) == peer


def test_what_accept_says_of_a_peer() -> None:
    assert peer_address(("192.0.2.1", 49152)) == "192.0.2.1"
    assert peer_address(("2001:db8::1", 49152, 0, 0)) == "2001:db8::1"
    assert peer_address(("::ffff:192.0.2.1", 49152, 0, 0)) == "192.0.2.1"
    assert peer_address(("fe80::1%eth0", 49152, 0, 2)) == "fe80::1%eth0"
    assert peer_address("") == ""
    assert peer_address(b"\0abstract") == ""


Listen = Callable[[socket.socket], None]


@pytest.fixture
def listen(wide: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listen]:
    """A function that adds sockets to the server, which trusts the proxies above."""
    settings = wide.context.settings
    web_server = dataclasses.replace(settings.web_server, trusted_proxies=tuple(TRUSTED))
    settings = dataclasses.replace(settings, web_server=web_server)
    monkeypatch.setattr(wide.context, "settings", settings)
    listener = wide.call(lambda: make_http_server(wide.context))
    yield lambda listening: wide.call(lambda: listener.add_sockets([listening]))
    wide.call(listener.stop)
    wide.run(listener.close_all_connections)


def ask(connection: socket.socket, *headers: str) -> None:
    """Send GET /livez, and wait for its answer."""
    lines = ["GET /livez HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    with connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200 ")


def logged(lines: list[str]) -> str:
    """The address of the only line."""
    wait_until(lambda: len(lines) == 1, "the line")
    return lines[0].split()[1]


def connect_from(address: str, port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))


@pytest.mark.parametrize(
    ("source", "headers", "client"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["X-Forwarded-For: 203.0.113.7"], "203.0.113.7"),
        (
            "127.0.0.1",
            ["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.7, 10.0.0.1"],
            "203.0.113.7",
        ),
        ("127.0.0.1", ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: \xff"], "127.0.0.1"),
        ("127.0.0.1", ["Forwarded: for=203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["X-Forwarded-For: " + "10.0.0.1," * 3000 + "10.0.0.1"], "127.0.0.1"),
        ("127.0.0.2", ["X-Forwarded-For: 203.0.113.7"], "127.0.0.2"),
        ("127.0.0.2", ["X-Real-Ip: 203.0.113.7", "Forwarded: for=203.0.113.7"], "127.0.0.2"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_the_log_has_the_address(
    wide: LiveServer,
    listen: Listen,
    lines: list[str],
    source: str,
    headers: list[str],
    client: str,
) -> None:
    ask(connect_from(source, wide.port), *headers)
    assert logged(lines) == client


def test_an_upload_has_the_address_too(wide: LiveServer, listen: Listen, lines: list[str]) -> None:
    wide.upload(b"no image", {"X-Forwarded-For": "203.0.113.7"})
    assert logged(lines) == "203.0.113.7"


def test_without_trusted_proxies_nobody_is_believed(wide: LiveServer, lines: list[str]) -> None:
    ask(connect_from("127.0.0.1", wide.port), "X-Forwarded-For: 203.0.113.7")
    assert logged(lines) == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "client"),
    [([], "-"), (["X-Forwarded-For: 203.0.113.7"], "203.0.113.7"), (["Forwarded: for=x"], "-")],
)
def test_a_unix_socket_has_the_address_that_its_proxy_forwards(
    listen: Listen, lines: list[str], tmp_path: Path, headers: list[str], client: str
) -> None:
    path = str(tmp_path / "socket")
    listen(bind_unix_socket(path))
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(path)
    ask(connection, *headers)
    assert logged(lines) == client


@pytest.mark.parametrize("to", ["::1", "127.0.0.1"])
def test_a_socket_for_both_kinds_of_addresses(listen: Listen, lines: list[str], to: str) -> None:
    try:
        both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with contextlib.closing(both):
        both.setblocking(False)
        listen(both)
        connection = socket.create_connection((to, both.getsockname()[1]), timeout=10)
        ask(connection, "X-Forwarded-For: 2001:db8::7")
        assert logged(lines) == "2001:db8::7"
