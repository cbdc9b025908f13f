"""Which IP addresses belong to the public internet."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # a public IPv4 address, seen from a network without IPv4

# Not public, though is_global says so, at least in some versions of Python.
_REFUSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16",  # Azure's metadata
        "192.0.0.0/24",  # of the IETF; Oracle's metadata
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/3",  # multicast, reserved
        "2001::/23",  # of the IETF, Teredo
        "2002::/16",  # 6to4, which contains an IPv4 address
        "3fff::/20",  # for documentation
    )
)


def is_allowed(text: str, private: Sequence[Network]) -> bool:
    """Whether the address is public, or in one of these private networks.

    An IPv4 address within an IPv6 one is judged as IPv4.
    """
    address = _unwrapped(ip_address(text.partition("%")[0]))
    return _is_public(address) or any(address in network for network in private)


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in _REFUSED)
