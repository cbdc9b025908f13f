"""An alert in the form of the service that receives it, and whether that service took it.

The fields are those of the services' public documentation. All of them show one text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

State = Literal["problem", "recovered", "test"]
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened. kind: that of its condition, or test; at: Unix seconds."""

    kind: str
    state: State
    message: str
    server: str
    at: float

    @property
    def text(self) -> str:
        """One line for people; services that look for a keyword find `ocr-server`."""
        return f"[ocr-server] {self.server}: {self.message}"


@dataclass(frozen=True, slots=True)
class Form:
    """How a service takes an alert.

    build: the URL to post to, from the given URL and secret, and the body. reply_codes: names that
    a number in the service's answer may have; it is 0 if the service accepted the alert. The HTTP
    status is 200 in any case.
    """

    build: Callable[[Alert, str, str | None], tuple[str, Payload]]
    reply_codes: tuple[str, ...] = ()

    def refusal(self, reply: bytes) -> str | None:
        """What the service says against the alert; None if it took it."""
        if not self.reply_codes:
            return None
        try:
            answer = json.loads(reply)
        except ValueError:
            return "its answer is not JSON"
        values = answer if isinstance(answer, Mapping) else {}
        codes = [values[name] for name in self.reply_codes if name in values]
        if not codes:
            return f"its answer has no {self.reply_codes[0]}"
        return None if not any(codes) else f"{self.reply_codes[0]} {str(codes[0])[:20]}"


def _json(alert: Alert, url: str, _: str | None) -> tuple[str, Payload]:
    return url, {
        "kind": alert.kind,
        "state": alert.state,
        "message": alert.message,
        "server": alert.server,
        "timestamp": round(alert.at, 3),
    }


def _wecom(alert: Alert, url: str, _: str | None) -> tuple[str, Payload]:
    return url, {"msgtype": "text", "text": {"content": alert.text}}


def _dingtalk(alert: Alert, url: str, secret: str | None) -> tuple[str, Payload]:
    """The signature goes into the query, with the time in milliseconds; its key is the secret."""
    if secret is not None:
        milliseconds = str(round(alert.at * 1000))
        sign = _hmac(secret, f"{milliseconds}\n{secret}")
        query = urlencode({"timestamp": milliseconds, "sign": sign})
        url += ("&" if "?" in url else "?") + query
    return url, {"msgtype": "text", "text": {"content": alert.text}}


def _feishu(alert: Alert, url: str, secret: str | None) -> tuple[str, Payload]:
    """The signature goes into the body: an HMAC of no text, with time and secret as its key."""
    payload: Payload = {"msg_type": "text", "content": {"text": alert.text}}
    if secret is not None:
        seconds = str(int(alert.at))
        payload = {"timestamp": seconds, "sign": _hmac(f"{seconds}\n{secret}", ""), **payload}
    return url, payload


def _slack(alert: Alert, url: str, _: str | None) -> tuple[str, Payload]:
    text = alert.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return url, {"text": text}


FORMS: dict[str, Form] = {
    "json": Form(_json),
    "wecom": Form(_wecom, ("errcode",)),
    "dingtalk": Form(_dingtalk, ("errcode",)),
    "feishu": Form(_feishu, ("code", "StatusCode")),
    "slack": Form(_slack),
}


def _hmac(key: str, content: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), content.encode(), hashlib.sha256)).decode()
