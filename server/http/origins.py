"""Which hosts a request may name, and what the pages of other sites may do.

A web page may send requests to any server that its browser reaches, such as one on the user's own
machine. It can read the answers if its own host name is changed to resolve to that server (DNS
rebinding), or if CORS allows it. docs/decisions/0038 has the reasons for the rules below.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher

from server.errors import CrossSite, HostNotAllowed, truncated
from server.http.client_address import is_trusted
from server.http.client_stream import ClientStream
from server.http.request_header import request_header
from server.settings.network_constraints import covers
from server.settings.settings import WebServerSettings

MAX_KNOWN = 1000  # accepted values of the header Host that are remembered
PREFLIGHT_SECONDS = 600

_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN_PAGE = frozenset(("same-origin", "none"))  # none: the user typed the address
_READABLE = (
    "Age, ETag, Idempotent-Replayed, Location, Operation-Location, RateLimit, RateLimit-Policy, "
    "Retry-After, Server-Timing, X-Cache, X-Job-State, X-Request-Id"
)
_SENDABLE = (
    "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, "
    "X-Api-Key, X-Request-Id, X-Filename, Ocp-Apim-Subscription-Key, apikey"
)


class Origins:
    """Checks the headers Host, Origin and Sec-Fetch-Site of requests, and answers CORS.

    has_cors: whether pages of any other site may use the server.
    """

    def __init__(self, settings: WebServerSettings) -> None:
        self._allowed = settings.allowed_hosts
        self._trusted = settings.trusted_proxies
        self._cors = frozenset(settings.cors_origins)
        self.has_cors = bool(self._cors)
        self._own_name = settings.address.lower()
        self._known: set[str] = set()

    def check(self, request: HTTPServerRequest, stream: ClientStream) -> None:
        """HostNotAllowed or CrossSite if the request may not be answered."""
        if (self._allowed or stream.is_loopback) and request.host not in self._known:
            self._check_host(request, stream)
        if request.method not in _READING:
            self._check_site(request, stream)

    def allows(self, request: HTTPServerRequest) -> bool:
        """Whether the request comes from a page that the settings allow."""
        return self.has_cors and request.headers.get("Origin", "").lower() in self._cors

    def answer_headers(self, request: HTTPServerRequest) -> Mapping[str, str]:
        """The headers of CORS for an answer; a page that is not allowed cannot read it."""
        if not self.has_cors:
            return {}
        if not self.allows(request):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": request.headers["Origin"],
            "Access-Control-Expose-Headers": _READABLE,
        }

    def _check_host(self, request: HTTPServerRequest, stream: ClientStream) -> None:
        name = request.host_name.strip("[]").removesuffix(".")
        if self._allowed:
            known = covers(self._allowed, name) or _is_own(name) or _is_address(name)
        else:
            known = _is_own(name) or name == self._own_name
        if known:
            if len(self._known) < MAX_KNOWN:
                self._known.add(request.host)
        elif self._allowed or not is_trusted(stream.peer, self._trusted):
            raise HostNotAllowed(
                f"this server is not known as {truncated(name)}; web_server.allowed_hosts has its "
                "names"
            )

    def _check_site(self, request: HTTPServerRequest, stream: ClientStream) -> None:
        """CrossSite if Sec-Fetch-Site or Origin says that a page of another site sent the request.

        Programs other than browsers send neither. Sec-Fetch-Site is checked first, as a proxy may
        change Host. Older browsers, and all browsers without TLS, send only Origin.
        """
        site = request_header(request.headers, "Sec-Fetch-Site")
        if site in _OWN_PAGE:
            return
        origin = request_header(request.headers, "Origin")
        if (site is None and origin is None) or self.allows(request):
            return
        if site is None and origin is not None:
            _, _, host = origin.lower().partition("://")
            if host in (request.host.lower(), self.forwarded_host(request, stream)):
                return
        shown = f", {truncated(origin)}" if origin is not None else ""
        raise CrossSite(
            f"this request comes from a page of another site{shown}; web_server.cors_origins has "
            "the sites that may send it"
        )

    def forwarded_host(self, request: HTTPServerRequest, stream: ClientStream) -> str | None:
        """The host that the client named, if a trusted proxy forwards it."""
        forwarded = request.headers.get("X-Forwarded-Host")
        if forwarded is None or not is_trusted(stream.peer, self._trusted):
            return None
        return forwarded.rpartition(",")[2].strip().lower()


class Preflight(Matcher):
    """Matches the preflight requests that browsers send for pages of allowed sites."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Called by Tornado."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        return {} if self._origins.allows(request) else None


PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": _SENDABLE,
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}


def _is_own(name: str) -> bool:
    """Whether the name always means this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    """Whether the name is an IP address; DNS rebinding is possible only with other names."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
