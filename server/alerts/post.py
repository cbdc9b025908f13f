"""Posts one alert to the URL of the settings."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from server.alerts.formats import FORMS, Alert
from server.outbound.http_exchange import PORTS, ExchangeError
from server.outbound.http_post import post
from server.settings.loading import SettingsError
from server.settings.operation_settings import AlertSettings

POST_SECONDS = 5.0


def check_url(settings: AlertSettings) -> None:
    """SettingsError if alerts.webhook is not a URL; the message omits it, as it is a secret."""
    if settings.webhook is None:
        return
    url = settings.webhook.reveal()
    try:
        parts = urlsplit(url)
        good = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError("alerts.webhook = ***: expected a URL of http or https")


async def post_alert(settings: AlertSettings, alert: Alert) -> None:
    """ExchangeError if the receiver did not accept it. The URL may lead to a private address."""
    assert settings.webhook is not None
    form = FORMS[settings.format]
    secret = settings.secret.reveal() if settings.secret is not None else None
    url, payload = form.build(alert, settings.webhook.reveal(), secret)
    parts = urlsplit(url)
    body = json.dumps(payload, ensure_ascii=False).encode()
    reply = await post(parts, [parts.hostname or ""], {}, body, POST_SECONDS)
    if not 200 <= reply.status < 300:
        raise ExchangeError(f"the receiver answered {reply.status}")
    refusal = form.refusal(reply.body)
    if refusal is not None:
        raise ExchangeError(f"the receiver refused it: {refusal}")
