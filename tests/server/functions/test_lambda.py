"""The handler with AWS's own client for Python: events come from a Runtime API as Lambda has it."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.checkout import ROOT
from tests.support.function_events import (
    CLIENT,
    HTTP,
    MakeEvent,
    function_url,
    gateway_v2,
    schedule_event,
)
from tests.support.http_client import image_part, multipart
from tests.support.lambda_runtime import ANSWER_SECONDS, FunctionInstance, Outcome, Runtime
from tests.support.watching import is_alive, wait_until

pytestmark = pytest.mark.slow

SIGN = (ROOT / "imgs" / "sign.jpg").read_bytes()
TEXT = ["海风书店", "SEA BREEZE BOOKS", "每天十点到二十点"]
JPEG = [("Content-Type", "image/jpeg")]
KEY = "of-the-operator-0123456789abcdef"


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with Runtime() as found:
        yield found


@pytest.fixture(scope="module")
def instance(
    runtime: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionInstance]:
    """An instance that only takes requests with a key."""
    environment = {
        "OCR_ACCESS__ADMIN_KEY": KEY,
        "OCR_ACCESS__REQUIRED": "true",
        "OCR_OCR__PROCESS__TIMEOUT_SECONDS": "300",  # on a machine that does much else
    }
    folder = tmp_path_factory.mktemp("lambda")
    with FunctionInstance(folder, runtime, environment) as found:
        assert runtime.invoke(function_url("GET", "/readyz")).result["statusCode"] == 200
        yield found


def keyed(*headers: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {KEY}"), *headers]


def body_of(outcome: Outcome) -> Any:
    """The JSON of a result."""
    assert outcome.error is None, outcome.error
    assert outcome.result["isBase64Encoded"] is False
    return json.loads(outcome.result["body"])


def server_of(instance: FunctionInstance) -> int:
    """The process of the server."""
    children = Path(f"/proc/{instance.pid}/task/{instance.pid}/children")
    wait_until(lambda: children.read_text().split(), "the server")
    (pid,) = map(int, children.read_text().split())
    return pid


@pytest.mark.parametrize("make", HTTP.values(), ids=HTTP)
def test_an_image_is_read(make: MakeEvent, runtime: Runtime, instance: FunctionInstance) -> None:
    outcome = runtime.invoke(make("POST", "/ocr", "order=raster", keyed(*JPEG), SIGN))
    assert outcome.result["statusCode"] == 200
    assert body_of(outcome)["data"]["text"].splitlines() == TEXT


def test_form_data_is_read(runtime: Runtime, instance: FunctionInstance) -> None:
    body, headers = multipart([image_part(SIGN, "sign.jpg")])
    event = gateway_v2("POST", "/ocr_service", "", keyed(*headers.items()), body)
    assert body_of(runtime.invoke(event))["data"]["text"].splitlines() == TEXT


@pytest.mark.parametrize("make", HTTP.values(), ids=HTTP)
def test_a_drawing_comes_back_whole(
    make: MakeEvent, runtime: Runtime, instance: FunctionInstance
) -> None:
    outcome = runtime.invoke(make("POST", "/ocr", "format=image", keyed(*JPEG), SIGN))
    assert outcome.result["isBase64Encoded"] is True
    drawing = base64.b64decode(outcome.result["body"], validate=True)
    assert Image.open(io.BytesIO(drawing)).format == "PNG"


@pytest.mark.parametrize("make", HTTP.values(), ids=HTTP)
def test_the_errors_are_those_of_the_server(
    make: MakeEvent, runtime: Runtime, instance: FunctionInstance
) -> None:
    outcome = runtime.invoke(make("POST", "/ocr", "", JPEG, SIGN))
    assert outcome.result["statusCode"] == 401
    assert body_of(outcome)["error"]["code"] == "key_required"
    outcome = runtime.invoke(make("POST", "/ocr", "ordr=raster", keyed(*JPEG), SIGN))
    assert outcome.result["statusCode"] == 400
    assert body_of(outcome)["error"]["code"] == "bad_field"
    outcome = runtime.invoke(make("GET", "/nowhere", "", keyed()))
    assert outcome.result["statusCode"] == 404
    outcome = runtime.invoke(make("HEAD", "/livez"))
    assert (outcome.result["statusCode"], outcome.result["body"]) == (200, "")


def test_the_log_has_the_address_of_the_client_and_the_id_of_the_invocation(
    runtime: Runtime, instance: FunctionInstance
) -> None:
    outcome = runtime.invoke(gateway_v2("GET", "/unknown", "", keyed()))
    request_id = outcome.result["headers"]["X-Request-Id"]
    assert body_of(outcome)["error"]["request_id"] == request_id
    line = f"{CLIENT} GET /unknown 404"
    wait_until(lambda: line in instance.output, "a line in the log")
    (found,) = (each for each in instance.output.splitlines() if line in each)
    assert found.endswith(request_id)
    assert len(request_id) == 36


def test_links_begin_with_the_stage(runtime: Runtime, instance: FunctionInstance) -> None:
    event = gateway_v2("POST", "/ocr", "block_flag=false", keyed(*JPEG), SIGN)
    outcome = runtime.invoke(event)
    assert outcome.result["statusCode"] == 202
    assert outcome.result["headers"]["Location"].startswith("/test/jobs/")


def test_an_answer_that_is_not_there_in_time(runtime: Runtime, instance: FunctionInstance) -> None:
    os.kill(server_of(instance), signal.SIGSTOP)
    try:
        outcome = runtime.invoke(function_url("GET", "/livez"), seconds=1.0)
    finally:
        os.kill(server_of(instance), signal.SIGCONT)
    assert outcome.result["statusCode"] == 504
    told = body_of(outcome)["error"]
    assert told["code"] == "ocr_timeout"
    assert "raise the function's timeout" in told["message"]
    assert runtime.invoke(function_url("GET", "/livez")).result["statusCode"] == 200


def test_an_event_of_no_known_form_fails(runtime: Runtime, instance: FunctionInstance) -> None:
    outcome = runtime.invoke({"colour": "red"})
    assert outcome.error["errorType"] == "UnknownEvent"
    assert "colour" in outcome.error["errorMessage"]


def test_a_schedule_without_a_batch_fails(runtime: Runtime, instance: FunctionInstance) -> None:
    outcome = runtime.invoke(schedule_event())
    assert outcome.error["errorType"] == "Failed"
    assert "OCR_FUNCTION_BATCH" in outcome.error["errorMessage"]


def test_a_server_that_has_died_is_replaced(runtime: Runtime, instance: FunctionInstance) -> None:
    died = server_of(instance)
    os.kill(died, signal.SIGKILL)
    wait_until(lambda: not is_alive(died), "its end")
    outcome = runtime.invoke(function_url("POST", "/ocr", "", keyed(*JPEG), SIGN))
    assert outcome.result["statusCode"] == 200, outcome
    assert body_of(outcome)["data"]["text"].splitlines() == TEXT
    assert server_of(instance) != died


def test_the_instance_starts_before_its_first_invocation(tmp_path: Path) -> None:
    with Runtime() as runtime, FunctionInstance(tmp_path, runtime) as instance:
        assert runtime.asked.wait(ANSWER_SECONDS)  # for an event; there is none
        ready = "ready after"
        wait_until(lambda: ready in instance.output, "a worker that is ready", ANSWER_SECONDS)
        server = server_of(instance)
        instance.kill()
        wait_until(lambda: not is_alive(server), "the end of its server")


def test_settings_that_are_wrong_are_named_at_the_start(tmp_path: Path) -> None:
    environment = {"OCR_OCR__ENGINE": "tesseract"}
    with Runtime() as runtime, FunctionInstance(tmp_path, runtime, environment) as instance:
        assert instance.wait(ANSWER_SECONDS) != 0
        (told,) = runtime.init_errors
        assert told["errorType"] == "ServerEnded"
        assert "status 2" in told["errorMessage"]
        assert "ocr.engine = " in instance.output


def test_it_starts_where_the_temporary_folder_has_a_long_path(tmp_path: Path) -> None:
    """The address of a Unix socket has at most 107 bytes."""
    folder = tmp_path / ("long-" * 20)
    folder.mkdir()
    with Runtime() as runtime, FunctionInstance(folder, runtime):
        assert runtime.invoke(function_url("GET", "/readyz")).result["statusCode"] == 200


def test_it_runs_without_shared_memory(tmp_path: Path) -> None:
    """Lambda has no /dev/shm."""
    prefix = without_shared_memory()
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}  # the models are compiled as well
    with Runtime() as runtime, FunctionInstance(tmp_path, runtime, environment, prefix):
        outcome = runtime.invoke(function_url("POST", "/ocr", "", JPEG, SIGN))
        assert body_of(outcome)["data"]["text"].splitlines() == TEXT


def without_shared_memory() -> list[str]:
    """A command that runs the command behind it where nothing can be written to /dev/shm."""
    script = 'mount -t tmpfs -o ro none /dev/shm && exec "$@"'
    for more in ([], ["--user", "--map-root-user"]):
        prefix = ["unshare", *more, "--mount", "sh", "-c", script, "sh"]
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            lock = [*prefix, sys.executable, "-c", "import multiprocessing; multiprocessing.Lock()"]
            assert subprocess.run(lock, capture_output=True, check=False).returncode != 0
            return prefix
    pytest.skip("unshare --mount is not permitted here, neither as root nor with --user")
