"""Signatures, verified by the library that receivers use."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from server.webhooks.signing import new_secret, signed_headers

BODY = '{"type":"job.done","text":"É 字"}'.encode()


def test_the_library_verifies_a_message() -> None:
    secret = new_secret()
    headers = signed_headers("msg_1", int(time.time()), BODY, [secret])
    assert Webhook(secret).verify(BODY, headers) == {"type": "job.done", "text": "É 字"}


def test_old_and_new_secret_both_verify_during_a_rotation() -> None:
    secrets = [new_secret(), new_secret()]
    headers = signed_headers("msg_1", int(time.time()), BODY, secrets)
    for secret in secrets:
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(new_secret()).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp"])
def test_a_changed_message_is_refused(changed: str) -> None:
    secret, now = new_secret(), int(time.time())
    headers = signed_headers("msg_1", now, BODY, [secret])
    body = BODY + b" " if changed == "body" else BODY
    other = {**headers, "webhook-id": "msg_2", "webhook-timestamp": str(now - 1)}
    if changed != "body":
        headers[changed] = other[changed]
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(secret).verify(body, headers)


def test_a_new_secret_is_long_and_random() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert first.startswith("whsec_") and len(first) == 50
