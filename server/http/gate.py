"""The gate: every request is admitted here, after its headers and before its body.

In this order: the address is checked, then the key, its scope, and the limits of its user. Where
limits are added, and how they learn that a request has ended: see _check_address and _enter.
"""

from __future__ import annotations

from collections.abc import Awaitable

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from server.errors import BadRequest, KeyInvalid, KeyRequired, NotAllowed
from server.http.context import ServerContext
from server.http.request_scope import RequestScope
from server.principal import ANONYMOUS, Principal, Scope


def admit(
    context: ServerContext, request: HTTPServerRequest, scope: RequestScope, needed: Scope | None
) -> Awaitable[None] | None:
    """Set the principal of a request that may go on; ServiceError if it may not.

    needed: the scope that the route needs; None: the route is public. Returns an awaitable only if
    the key must be looked up in the database, so that cached answers do not wait for a task.
    """
    _check_address(context, scope)
    if needed is None:
        return None
    key = key_in(request.headers)
    if key is None:
        if context.settings.access.required or needed not in ANONYMOUS.scopes:
            raise KeyRequired(KeyRequired.example)
        _enter(context, scope, ANONYMOUS, needed)
        return None
    principal = context.keyring.recall(key)
    if principal is None:
        return _look_up(context, scope, key, needed)
    _enter(context, scope, principal, needed)
    return None


def require(principal: Principal, needed: Scope) -> None:
    """NotAllowed if the principal has not this scope."""
    if needed not in principal.scopes:
        has = ", ".join(sorted(principal.scopes))
        raise NotAllowed(f"this needs the scope `{needed}`; this key has: {has}")


def key_in(headers: HTTPHeaders) -> str | None:
    """The key of a request; BadRequest if it has two. A query string never has a key."""
    given = headers.get("X-Api-Key")
    authorization = headers.get("Authorization")
    if authorization is None:
        return given
    method, _, bearer = authorization.partition(" ")
    if method.lower() != "bearer":  # such as Basic, for a proxy
        return given
    if given is not None and bearer.strip() != given:
        raise BadRequest("Authorization and X-Api-Key have different keys; send one of them")
    return bearer.strip()


async def _look_up(context: ServerContext, scope: RequestScope, key: str, needed: Scope) -> None:
    try:
        principal = await context.keyring.look_up(key)
    except KeyInvalid:
        context.refusals.note(scope.address)
        raise
    _enter(context, scope, principal, needed)


def _check_address(context: ServerContext, scope: RequestScope) -> None:
    """Refuse an address that asks too often, before its key is looked up."""


def _enter(
    context: ServerContext, scope: RequestScope, principal: Principal, needed: Scope
) -> None:
    """Let the request of this principal in; what must be released is given to scope.at_end()."""
    if principal is not ANONYMOUS:
        context.use_keys()
    scope.principal = principal
    require(principal, needed)
    scope.admitted = True
