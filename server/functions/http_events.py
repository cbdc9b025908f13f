"""HTTP requests as AWS gives them to a function, and answers as it takes them.

The forms are those of API Gateway (payload formats 1.0 and 2.0), function URLs (as 2.0) and load
balancers (with headers of one value, or of several).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

Event = Mapping[str, Any]
Headers = Sequence[tuple[str, str]]

MAX_ANSWER_BYTES = 6 << 20  # of the JSON that a function returns
MAX_BALANCER_BYTES = 1_000_000  # the same, for a load balancer

# Of one connection only, or what this module writes itself: the server believes who connects to
# its socket, so clients must not get these headers past it.
_OWN_HEADERS = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "forwarded",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-prefix",
    )
)
_NOT_RETURNED = frozenset(("connection", "keep-alive", "transfer-encoding"))
_TEXT = re.compile(r"(?:text/|application/(?:[\w.-]+\+)?(?:json|xml)\b|image/svg\+xml)")
_IN_PATHS = "/%:@!$&'()*+,;=~"  # what needs no quoting, or has been quoted


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. target: its path and query, quoted."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, or an empty string; name: in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def is_http(event: Event) -> bool:
    """Whether the event is an HTTP request."""
    context = event.get("requestContext")
    return isinstance(context, Mapping) and ("http" in context or "httpMethod" in event)


def request_of(event: Event, request_id: str) -> Request:
    """The request of an HTTP event. request_id: its X-Request-Id, unless the client sends one."""
    context = event["requestContext"]
    if "http" in context:
        method, client = context["http"]["method"], context["http"]["sourceIp"]
        path, prefix = _without_stage(event["rawPath"], context.get("stage", ""))
        query = event.get("rawQueryString") or ""
    else:
        method, path = event["httpMethod"], event["path"]
        client = (context.get("identity") or {}).get("sourceIp") or ""
        whole = context.get("path", "")
        prefix = whole.removesuffix(path) if whole.endswith(path) else ""
        query = _query(event, quoted="elb" in context)
    given = list(_values(event, "multiValueHeaders", "headers"))
    if event.get("cookies"):
        given.append(("cookie", "; ".join(event["cookies"])))
    names = {name.lower() for name, _ in given}
    headers = [(name, value) for name, value in given if name.lower() not in _OWN_HEADERS]
    headers.append(("X-Forwarded-For", _forwarded_for(given, client)))
    if prefix:
        headers.append(("X-Forwarded-Prefix", prefix))
    if "x-request-id" not in names:
        headers.append(("X-Request-Id", request_id))
    if "host" not in names:
        headers.append(("Host", "localhost"))
    body = event.get("body") or ""
    return Request(
        method,
        quote(path, safe=_IN_PATHS) + (f"?{query}" if query else ""),
        headers,
        base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
    )


def result_of(event: Event, answer: Answer) -> dict[str, Any]:
    """What the function returns for this answer; an error instead, if it is too large for AWS."""
    limit = MAX_BALANCER_BYTES if "elb" in event["requestContext"] else MAX_ANSWER_BYTES
    result = _result(event, answer)
    if len(json.dumps(result)) <= limit:
        return result
    message = (
        f"the answer is larger than {limit} bytes, the most that a function can return here; ask "
        "for a format that is smaller, or send the image to a bucket that the function reads"
    )
    return _result(event, error(413, "body_too_large", message, answer.header("x-request-id")))


def error(status: int, code: str, message: str, request_id: str) -> Answer:
    """An error in the form of the server's own errors."""
    body = {
        "status": "error",
        "error": {"code": code, "message": message, "request_id": request_id},
    }
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Request-Id", request_id),
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", "1"))
    return Answer(status, headers, json.dumps(body).encode())


def _without_stage(path: str, stage: str) -> tuple[str, str]:
    """The path as the server knows it, and the stage in front of it, if any."""
    prefix = f"/{stage}"
    if stage in ("", "$default") or not f"{path}/".startswith(f"{prefix}/"):
        return path, ""
    return path.removeprefix(prefix) or "/", prefix


def _query(event: Event, quoted: bool) -> str:
    """The query string; quoted: whether its names and values are as the client sent them."""
    pairs = list(_values(event, "multiValueQueryStringParameters", "queryStringParameters"))
    return "&".join("=".join(pair) for pair in pairs) if quoted else urlencode(pairs)


def _values(event: Event, several: str, single: str) -> Iterable[tuple[str, str]]:
    """The names and values in one of two fields; an event may have both, or null."""
    if event.get(several):
        return ((name, value) for name, values in event[several].items() for value in values)
    return (event.get(single) or {}).items()


def _forwarded_for(headers: Headers, client: str) -> str:
    """The addresses of the client and of proxies, the last one from AWS.

    AWS appends the address that it sees to the header of the client, except where it puts proxies
    of its own behind it. client: that address; empty if only the header has it.
    """
    chain = ", ".join(value for name, value in headers if name.lower() == "x-forwarded-for")
    last = chain.rpartition(",")[2].strip()
    return chain if client in ("", last) else client


def _result(event: Event, answer: Answer) -> dict[str, Any]:
    text = _text(answer)
    result: dict[str, Any] = {
        "statusCode": answer.status,
        "isBase64Encoded": text is None,
        "body": base64.b64encode(answer.body).decode() if text is None else text,
    }
    several: dict[str, list[str]] = {}
    for name, value in answer.headers:
        if name.lower() not in _NOT_RETURNED:
            several.setdefault(name, []).append(value)
    context = event["requestContext"]
    if "http" in context:
        result["cookies"] = several.pop("Set-Cookie", [])
    if "http" in context or ("elb" in context and "multiValueHeaders" not in event):
        result["headers"] = {name: ", ".join(values) for name, values in several.items()}
    else:
        result["multiValueHeaders"] = several
    if "elb" in context:
        result["statusDescription"] = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    return result


def _text(answer: Answer) -> str | None:
    """The body as text; None if it is something else."""
    if answer.header("content-encoding") or not _TEXT.match(answer.header("content-type")):
        return None if answer.body else ""
    try:
        return answer.body.decode()
    except UnicodeDecodeError:
        return None
