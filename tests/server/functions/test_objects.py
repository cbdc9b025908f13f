"""Events of object storage and schedules, with AWS's own client and a real S3 server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.function_events import s3_event, schedule_event
from tests.support.lambda_runtime import FunctionInstance, Runtime
from tests.support.object_stores import SeaweedFS

pytestmark = pytest.mark.slow

SIGN = (ROOT / "imgs" / "sign.jpg").read_bytes()
TEXT = ["海风书店", "SEA BREEZE BOOKS", "每天十点到二十点"]


@pytest.fixture
def seaweedfs() -> Iterator[SeaweedFS]:
    with SeaweedFS() as found:
        yield found


def text_of(seaweedfs: SeaweedFS, key: str) -> list[str]:
    result: Any = json.loads(seaweedfs.get(key, "texts"))
    return list(result["data"]["text"].splitlines())


def test_an_object_and_what_was_missed_are_read(tmp_path: Path, seaweedfs: SeaweedFS) -> None:
    environment = {
        **seaweedfs.environment,
        "OCR_OCR__PROCESS__TIMEOUT_SECONDS": "300",  # on a machine that does much else
        "OCR_STORAGE__WATCH": "s3://scans/in/",
        "OCR_STORAGE__RESULTS": "s3://texts/",
        "OCR_FUNCTION_BATCH": "s3://scans/in/ --since last --out s3://texts/",
    }
    with Runtime() as runtime, FunctionInstance(tmp_path, runtime, environment):
        seaweedfs.put("in/missed.jpg", SIGN)
        seaweedfs.put("in/a sign.jpg", SIGN)
        outcome = runtime.invoke(s3_event("scans", "in/a+sign.jpg"), seconds=900)
        assert outcome.result["status"] == "success", outcome
        assert outcome.result["states"]["done"] == 1
        assert text_of(seaweedfs, "in/a sign.jpg.json") == TEXT
        assert seaweedfs.keys(bucket="texts") == ["in/a sign.jpg.json"]
        outcome = runtime.invoke(s3_event("other", "in/a+sign.jpg"), seconds=900)
        assert outcome.result["objects"] == {"accepted": 0, "ignored": 1}
        outcome = runtime.invoke(schedule_event(), seconds=900)
        assert outcome.result == {"status": "done"}, outcome
        assert text_of(seaweedfs, "in/missed.jpg.json") == TEXT
        outcome = runtime.invoke(s3_event("scans", "out/a.jpg"), seconds=900)
        assert outcome.result["objects"] == {"accepted": 0, "ignored": 1}
