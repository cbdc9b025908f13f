"""The settings of URLs that clients name: of webhooks, and of images."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from server.settings.constraints import Flag, Number
from server.settings.declared import setting
from server.settings.network_constraints import HostList, NetworkList
from server.settings.secrets import Secret, WebhookSecrets


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where messages about jobs may be sent, and how they are signed.

    allowed_hosts: if empty, all public hosts. secrets: if empty, one that the database keeps.
    """

    allowed_hosts: tuple[str, ...] = setting(HostList(), ())
    allow_private: tuple[IPv4Network | IPv6Network, ...] = setting(NetworkList(), ())
    allow_http: bool = setting(Flag(), False)
    include_text: bool = setting(Flag(), False)
    secrets: tuple[Secret, ...] = setting(WebhookSecrets(), ())


@dataclass(frozen=True, slots=True)
class ImageUrlSettings:
    """Whether and where images are fetched by their URL.

    allowed_hosts: if empty, all public hosts. seconds: for one image, from its name to its end.
    """

    enabled: bool = setting(Flag(), False)
    allowed_hosts: tuple[str, ...] = setting(HostList(), ())
    allow_private: tuple[IPv4Network | IPv6Network, ...] = setting(NetworkList(), ())
    allow_http: bool = setting(Flag(), False)
    seconds: float = setting(Number(0.1, 300), 10.0)
