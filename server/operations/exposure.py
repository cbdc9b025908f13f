"""A warning if everybody on the network may use the server."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from server.settings.settings import Settings


def exposure_warning(settings: Settings, addresses: Iterable[str]) -> str | None:
    """A warning if the server listens on more than loopback, without keys or a trusted proxy.

    addresses: the IP addresses that it listens on.
    """
    guarded = settings.access.required or settings.web_server.trusted_proxies
    open_to_others = [each for each in addresses if not ip_address(each).is_loopback]
    if guarded or not open_to_others:
        return None
    return (
        f"everybody who can reach {open_to_others[0]} can use this server; set access.required and "
        "add keys with `ocr-server keys add`, or set web_server.trusted_proxies"
    )
