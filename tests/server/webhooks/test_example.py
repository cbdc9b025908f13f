"""The receiver of docs/examples takes what the sender sends, and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from urllib.parse import urlsplit

from server.outbound.http_post import post
from server.webhooks.messages import message_body
from server.webhooks.signing import new_secret, signed_headers
from tests.support.checkout import ROOT
from tests.support.webhooks import SECRET, Clock

EXAMPLE = ROOT / "docs" / "examples" / "webhook_receiver.py"
BODY = message_body("job.done", 1.79e9, {"id": "42", "state": "done", "url": "/jobs/42"}).encode()


def test_the_body_is_as_docs_webhooks_md_shows_it() -> None:
    assert BODY.decode() == (
        '{"type":"job.done","timestamp":"2026-09-21T14:13:20.000Z",'
        '"data":{"id":"42","state":"done","url":"/jobs/42"}}'
    )


def test_the_example_verifies_and_prints_each_message_once() -> None:
    example = subprocess.Popen(
        [sys.executable, str(EXAMPLE), "0"],
        env={"WEBHOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert example.stdout is not None
        port = int(example.stdout.readline().split()[-1])
        statuses = [
            status(port, message_id, secret)
            for message_id, secret in (
                ("msg_1", SECRET),
                ("msg_1", SECRET),
                ("msg_2", new_secret()),
                ("msg_3", SECRET),
            )
        ]
    finally:
        example.terminate()
        printed, _ = example.communicate(timeout=10)
    assert statuses == [204, 204, 400, 204]
    assert printed.splitlines() == [
        "job.done 42",
        "refused: No matching signature found",
        "job.done 42",
    ]


def status(port: int, message_id: str, secret: str) -> int:
    headers = signed_headers(message_id, int(Clock()()), BODY, [secret])
    url = urlsplit(f"http://127.0.0.1:{port}/")
    return asyncio.run(post(url, ["127.0.0.1"], headers, BODY, 5)).status
