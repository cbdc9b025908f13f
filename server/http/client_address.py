"""The address of a request's client, even behind reverse proxies.

Any client can send X-Forwarded-For or Forwarded (RFC 7239), so they are used only if the peer is
a trusted proxy. Proxies append the address that they see. So the client is the first address from
the right that is not a trusted proxy. The client may have forged all addresses further left.
Tornado's xheaders would trust everybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from server.settings.network_constraints import PathPrefix

MAX_HOPS = 16  # checked, from the right
MAX_HOP_CHARACTERS = 256

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]

# 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80; ip_address() checks the rest.
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9A-Fa-f:.]+)")
_PAIR = re.compile(r'\s*([A-Za-z]+)=([^\s",;=]+|"[^"\\,;]*")\s*(?:;|$)')


def peer_address(address: Any) -> str:
    """The IP address in an address from accept(); empty for a Unix socket, which has none."""
    return str(_plain(ip_address(address[0]))) if isinstance(address, tuple) else ""


def is_loopback(address: Any) -> bool:
    """Whether an address from getsockname() is a loopback IP address; False for a Unix socket."""
    return isinstance(address, tuple) and _plain(ip_address(address[0])).is_loopback


def client_address(peer: str, headers: Mapping[str, str], trusted: Networks) -> str:
    """The address of the client: the peer's, or the one that a trusted peer forwards.

    If the headers are malformed or contradict each other, it is the peer's.
    """
    if not is_trusted(peer, trusted):
        return peer
    said = set()
    if "X-Forwarded-For" in headers:
        said.add(_client(_hops(headers["X-Forwarded-For"]), trusted))
    if "Forwarded" in headers:
        said.add(_client(list(map(_for, _hops(headers["Forwarded"]))), trusted))
    client = said.pop() if len(said) == 1 else None
    return peer if client is None else str(client)


def is_trusted(peer: str, trusted: Networks) -> bool:
    """Whether the peer's headers may name the client: a trusted proxy, or a peer on a Unix socket.

    The permissions of the socket decide who can connect to it. If such a peer sends no header, the
    client has no address.
    """
    return not peer or (bool(trusted) and _is_in(ip_address(peer), trusted))


def forwarded_prefix(peer: str, headers: Mapping[str, str], trusted: Networks, default: str) -> str:
    """The prefix of all paths as the client sees them, which the proxy has removed.

    From X-Forwarded-Prefix, if a trusted peer sends a valid one; otherwise the default.
    """
    if not is_trusted(peer, trusted) or "X-Forwarded-Prefix" not in headers:
        return default
    try:
        return PathPrefix()(headers["X-Forwarded-Prefix"])
    except ValueError:
        return default


def _hops(header: str) -> list[str]:
    """The last MAX_HOPS entries of the list; the rest, if any, is one more entry."""
    return header.rsplit(",", MAX_HOPS)


def _client(nodes: Sequence[str], trusted: Networks) -> Address | None:
    """The right-most untrusted address, or the left-most if all are trusted; None if malformed."""
    address = None
    for node in reversed(nodes[-MAX_HOPS:]):
        address = _parse(node.strip())
        if address is None or not _is_in(address, trusted):
            return address
    return address if len(nodes) <= MAX_HOPS else None


def _for(element: str) -> str:
    """The node after `for=` in an element of Forwarded; empty if the element is malformed.

    Strict, because a proxy may quote a client's data, such as its Host, with commas in it.
    """
    pairs: dict[str, str] = {}
    position = 0
    while position < len(element) <= MAX_HOP_CHARACTERS:
        pair = _PAIR.match(element, position)
        if pair is None or pair[1].lower() in pairs:
            return ""
        pairs[pair[1].lower()] = pair[2].strip('"')
        position = pair.end()
    return pairs.get("for", "")


def _parse(node: str) -> Address | None:
    """The IP address of a node, without its port; None if there is none."""
    found = _NODE.fullmatch(node) if len(node) <= MAX_HOP_CHARACTERS else None
    try:
        return _plain(ip_address(found[1] or found[2] or found[3])) if found else None
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """Convert an IPv4-mapped IPv6 address, as from a dual-stack socket, to IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
