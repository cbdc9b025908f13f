"""Which URLs and addresses webhooks may be sent to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from server.errors import BadField
from server.outbound.addresses import is_allowed
from server.outbound.guard import Guard, NotResolved, UrlRefused
from server.outbound.names import Resolve
from server.settings.url_settings import WebhookSettings

PUBLIC = "93.184.216.34"


def answers(*addresses: str) -> Resolve:
    """A name server that has these addresses for every name."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


def fails(error: Exception) -> Resolve:
    """A name server that fails."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        raise error

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16"),
        *("192.0.0.192", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "203.0.113.7"),
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:7f00:1"),
        *("fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001::1"),
        *("2001:db8::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::1", "3fff::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", f"::ffff:{PUBLIC}", f"64:ff9b::{PUBLIC}"],
)
def test_public_addresses(address: str) -> None:
    assert is_allowed(address, ())


def test_private_networks_that_the_settings_name() -> None:
    named = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert is_allowed("10.1.2.3", named)
    assert is_allowed("::ffff:10.1.2.3", named)
    assert is_allowed("fd00::1", named)
    assert not is_allowed("10.2.0.1", named)
    assert not is_allowed("fe80::1", named)


@pytest.mark.parametrize(
    ("url", "mention"),
    [
        ("http://example.com/", "expected a URL of https"),
        ("ftp://example.com/", "expected a URL of https"),
        ("file:///etc/passwd", "expected a URL of https"),
        ("example.com/hook", "expected a URL of https"),
        ("https:///hook", "expected a URL of https"),
        ("https://example.com:0/", "expected a URL of https"),
        ("https://example.com:99999/", "such as https://"),
        ("https://[::1/", "such as https://"),
        ("https://user:password@example.com/", "without user and password"),
        ("https://example.com/\r\nX: 1", "ASCII characters"),
        ("https://example.com/ hook", "ASCII characters"),
        ("https://exämple.com/", "ASCII characters"),
        ("https://example.com/" + 2000 * "a", "at most 2000"),
        ("", "ASCII characters"),
    ],
)
def test_urls_that_are_refused_as_they_are(url: str, mention: str) -> None:
    guard = Guard(WebhookSettings(), answers(PUBLIC))
    with pytest.raises(UrlRefused, match=mention):
        guard.target(url)
    with pytest.raises(BadField, match="webhook_url = "):
        asyncio.run(guard.admit(url, ""))


@pytest.mark.parametrize("host", ["a.example.com", "hooks.lan", "HOOKS.LAN"])
def test_hosts_that_the_settings_allow(host: str) -> None:
    settings = WebhookSettings(allowed_hosts=("*.example.com", "hooks.lan"))
    Guard(settings).target(f"https://{host}/")


@pytest.mark.parametrize("host", ["example.com", "a.b.example.com", "evil.com", "hooks.lan.evil"])
def test_other_hosts_than_those_of_the_settings(host: str) -> None:
    settings = WebhookSettings(allowed_hosts=("*.example.com", "hooks.lan"))
    with pytest.raises(UrlRefused, match="hosts of its settings"):
        Guard(settings).target(f"https://{host}/")


@pytest.mark.parametrize(
    "resolve",
    [
        answers("10.0.0.1"),
        answers(PUBLIC, "10.0.0.1"),
        answers("2606:4700:4700::1111", "::ffff:169.254.169.254"),
        answers(),
        fails(socket.gaierror(socket.EAI_NONAME, "unknown")),
        fails(UnicodeError("label too long")),
    ],
    ids=["private", "public and private", "mapped", "none", "unknown", "no name"],
)
def test_a_name_without_public_addresses_only_is_refused_in_one_way(resolve: Resolve) -> None:
    with pytest.raises(BadField) as refused:
        asyncio.run(Guard(WebhookSettings(), resolve).admit("https://example.com/", ""))
    assert refused.value.message == (
        "webhook_url = https://example.com/: its host has no public address"
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_spellings_of_loopback_that_the_resolver_knows(host: str) -> None:
    with pytest.raises(BadField, match="no public address"):
        asyncio.run(Guard(WebhookSettings()).admit(f"https://{host}/", ""))


def test_a_name_server_that_is_away_does_not_refuse_the_job() -> None:
    guard = Guard(WebhookSettings(), fails(socket.gaierror(socket.EAI_AGAIN, "try again")))
    asyncio.run(guard.admit("https://example.com/", ""))
    with pytest.raises(NotResolved):
        asyncio.run(guard.addresses(guard.target("https://example.com/"), ""))
