"""The gate: every request is admitted here, after its headers and before its body.

It checks, in this order: the host and the site that the request names, the client's address, the
key, the key's scope, and the limits of its user.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from server.errors import BadRequest, KeyInvalid, KeyRequired, NotAllowed
from server.http.client_stream import stream_of
from server.http.context import ServerContext
from server.http.request_header import request_header
from server.http.request_scope import RequestScope
from server.principal import ANONYMOUS, Principal, Scope

KeyOf = Callable[[HTTPHeaders], str | None]


def admit(
    context: ServerContext,
    request: HTTPServerRequest,
    scope: RequestScope,
    needed: Scope | None,
    limited: bool = True,
    key_of: KeyOf | None = None,
) -> Awaitable[None] | None:
    """Admit a request and set its principal; ServiceError if it is refused.

    needed: the scope that the route needs; None: the route is public. limited: whether limits
    apply. key_of: finds the key where another API has it. Returns an awaitable only if Redis must
    be asked for the limits, or the database for the key or for more of the daily quota, so that
    cached answers do not wait for a task.
    """
    address = admit_address(context, request, scope, limited and needed is not None)
    if needed is None:
        return address
    key = (key_of or key_in)(request.headers)
    if address is not None:
        return _admit_key_after(address, context, scope, key, needed)
    return admit_key(context, scope, key, needed, limited)


def admit_address(
    context: ServerContext, request: HTTPServerRequest, scope: RequestScope, limited: bool = True
) -> Awaitable[None] | None:
    """Check what is known without a key: host, site and address; see admit()."""
    context.origins.check(request, stream_of(request))
    if limited:
        return context.limiter.check_address(scope.address)
    return None


def admit_key(
    context: ServerContext,
    scope: RequestScope,
    key: str | None,
    needed: Scope,
    limited: bool = True,
) -> Awaitable[None] | None:
    """Admit a request with this key; see admit()."""
    if key is None:
        if context.settings.access.required or not ANONYMOUS.may(needed):
            raise KeyRequired(KeyRequired.example)
        return _enter(context, scope, ANONYMOUS, needed, limited)
    principal = context.keyring.recall(key)
    if principal is None:
        return _look_up(context, scope, key, needed, limited)
    return _enter(context, scope, principal, needed, limited)


async def check_again(
    context: ServerContext, request: HTTPServerRequest, key_of: KeyOf | None = None
) -> None:
    """KeyInvalid if the key of an admitted request is no longer valid; for use after a wait."""
    key = (key_of or key_in)(request.headers)
    if key is not None and context.keyring.recall(key) is None:
        await context.keyring.look_up(key)


def require(principal: Principal, needed: Scope) -> None:
    """NotAllowed if the principal does not have this scope."""
    if not principal.may(needed):
        has = ", ".join(sorted(principal.scopes))
        raise NotAllowed(f"this needs the scope `{needed}`; this key has: {has}")


def key_in(headers: HTTPHeaders) -> str | None:
    """The key in the headers; BadRequest if two headers differ. Query strings have no key."""
    given = request_header(headers, "X-Api-Key")
    authorization = request_header(headers, "Authorization")
    if authorization is None:
        return given
    method, _, bearer = authorization.partition(" ")
    if method.lower() != "bearer":  # such as Basic, for a proxy
        return given
    if given is not None and bearer.strip() != given:
        raise BadRequest("Authorization and X-Api-Key have different keys; send one of them")
    return bearer.strip()


async def _admit_key_after(
    address: Awaitable[None],
    context: ServerContext,
    scope: RequestScope,
    key: str | None,
    needed: Scope,
) -> None:
    """As admit_key(), after the address was counted."""
    await address
    waiting = None if scope.ended else admit_key(context, scope, key, needed)
    if waiting is not None:
        await waiting


async def _look_up(
    context: ServerContext, scope: RequestScope, key: str, needed: Scope, limited: bool
) -> None:
    try:
        principal = await context.keyring.look_up(key)
    except KeyInvalid:
        context.refusals.note(scope.address)
        raise
    waiting = _enter(context, scope, principal, needed, limited)
    if waiting is not None:
        await waiting


def _enter(
    context: ServerContext,
    scope: RequestScope,
    principal: Principal,
    needed: Scope,
    limited: bool,
) -> Awaitable[None] | None:
    """Admit the request within the principal's limits.

    The slot that it takes is freed when the RequestScope ends.
    """
    if principal is not ANONYMOUS:
        context.use_keys()
    scope.principal = principal
    require(principal, needed)
    admission = context.limiter.admission(principal) if limited and not scope.ended else None
    scope.admitted = True
    if admission is None:
        return None
    scope.admission = admission
    return admission.enter(scope.recognition)
