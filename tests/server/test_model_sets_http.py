"""Model sets over HTTP, with made models that read every line as one letter."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.error_replies import assert_error
from tests.support.http_client import KeptConnection, Reply
from tests.support.made_models import made_set, page, reader_of
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

ADMIN_KEY = "the key of the operator of these tests"
ADMIN = {"X-Api-Key": ADMIN_KEY}
JSON = {"Content-Type": "application/json"}
LETTERS = {"a": "A", "b": "B", "c": "C"}
CLIENTS = 8
WORKERS = 2
PATIENCE = 60.0


def settings(folder: Path) -> dict[str, Any]:
    """The sets a, b and c, of which a is the default."""
    sets = [
        {"name": name, **made_set(folder / "models", letter)} for name, letter in LETTERS.items()
    ]
    return {
        "access": {"admin_key": ADMIN_KEY},
        "ocr": {
            "models": "a",
            "model_sets": sets,
            "predict_system": {"use_angle_cls": False},
            "process": {"number": WORKERS, "queue_size": 1000},
        },
        "service": {"img_number": 100_000},
    }


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("sets")
    with ServerProcess(folder, settings(folder)) as server:
        yield server


@pytest.fixture
def server(process: ServerProcess) -> Iterator[ServerProcess]:
    """The server, with a as the default before the test and all workers ready after it."""
    yield process
    assert use(process, "a").status == 200
    replaced(process)
    health = process.health()
    assert [worker["state"] for worker in health["workers"]] == ["ready"] * WORKERS


def use(server: ServerProcess, name: str) -> Reply:
    body = json.dumps({"use": name}).encode()
    return server.request("POST", "/admin/models", body, {**ADMIN, **JSON})


def sets(server: ServerProcess) -> dict[str, Any]:
    reply = server.get("/admin/models", ADMIN)
    assert reply.status == 200, reply.body
    answer: dict[str, Any] = reply.json
    return answer


def ready(server: ServerProcess) -> int:
    """How many workers are ready."""
    return sum(worker["state"] == "ready" for worker in server.health()["workers"])


def default(server: ServerProcess) -> str:
    (name,) = (each["name"] for each in sets(server)["sets"] if each["default"])
    return str(name)


def replaced(server: ServerProcess) -> None:
    wait_until(
        lambda: sets(server)["to_be_replaced"] == 0, "all workers with the new models", PATIENCE
    )
    wait_until(lambda: len(server.worker_pids()) == WORKERS, "the old workers gone", PATIENCE)
    wait_until(
        lambda: {each["state"] for each in server.health()["workers"]} == {"ready"}, "all ready"
    )


def md5(image: bytes) -> str:
    return hashlib.md5(image, usedforsecurity=False).hexdigest()


_numbers = itertools.count(1)


def new_page() -> bytes:
    """A page that no other test has sent."""
    return page(next(_numbers))


def test_each_request_is_read_by_the_set_that_it_names(server: ServerProcess) -> None:
    image = new_page()
    assert server.upload(image).text == "A"
    for name, letter in LETTERS.items():
        for path in ("/ocr_service", "/ocr"):
            reply = server.upload(image, path=path, models=name)
            assert reply.text == letter
    assert server.upload(image, models="b").headers["X-Cache"] == "hit"
    assert server.upload(image, models="a").headers["X-Cache"] == "hit"  # as the default
    for name, letter in LETTERS.items():
        assert server.get(f"/results/{md5(image)}?models={name}").text == letter


def test_an_unknown_set_is_400_with_the_names_there_are(server: ServerProcess) -> None:
    image = new_page()
    for reply in (
        server.upload(image, models="z"),
        server.upload(image, models="z", block_flag="false"),
        server.get(f"/results/{md5(image)}?models=z"),
    ):
        assert_error(reply, 400, "bad_field")
        assert reply.json["error"]["message"] == "models = 'z': expected one of a, b, c"
    reply = server.upload(image, models="with blanks")
    assert_error(reply, 400, "bad_field")
    assert "expected a name" in reply.json["error"]["message"]


def test_a_job_and_a_batch_with_a_set(server: ServerProcess) -> None:
    job = server.upload(new_page(), models="b", block_flag="false").json["job"]
    found = server.get(f"/jobs/{job['id']}?wait=20").json["job"]
    assert found["state"] == "done", found
    assert server.get(f"/jobs/{job['id']}/result").text == "B"
    reply = server.upload(new_page(), path="/batch", models="c")
    assert [each["data"]["text"] for each in reply.json["results"]] == ["C"]
    refused = server.upload(new_page(), path="/batches", models="z")
    assert_error(refused, 400, "bad_field")
    assert "expected one of a, b, c" in refused.json["error"]["message"]


def test_the_sets_are_listed_for_administrators(server: ServerProcess) -> None:
    server.upload(new_page())
    server.upload(new_page(), models="b")
    answer = sets(server)
    assert [each["default"] for each in answer["sets"]] == [True, False, False]
    by_name = {each["name"]: each for each in answer["sets"]}
    assert by_name.keys() == {"a", "b", "c"}
    assert by_name["a"]["default"]
    assert WORKERS >= by_name["a"]["workers"] >= 1, "each worker keeps two of the three sets"
    assert WORKERS >= by_name["b"]["workers"] >= 1
    assert by_name["a"]["models"] == "det, ch_ppocr_mobile_v2.0_cls, rec_A"
    assert len({each["fingerprint"] for each in answer["sets"]}) == 3
    assert_error(server.get("/admin/models"), 401, "key_required")
    assert_error(server.request("POST", "/admin/models", b"{}", JSON), 401, "key_required")


@pytest.mark.parametrize(
    ("body", "mention"),
    [
        ({}, "use is missing"),
        ({"use": "z"}, "models = 'z': expected one of a, b, c"),
        ({"use": 7}, "expected a name"),
        ({"user": "b"}, "did you mean use?"),
    ],
)
def test_a_wrong_choice_is_400(server: ServerProcess, body: object, mention: str) -> None:
    sent = json.dumps(body).encode()
    reply = server.request("POST", "/admin/models", sent, {**ADMIN, **JSON})
    assert_error(reply, 400, "bad_field")
    assert mention in reply.json["error"]["message"]
    assert default(server) == "a"


def test_the_default_changes_and_changes_back_and_the_cache_knows_both(
    server: ServerProcess,
) -> None:
    image = new_page()
    assert server.upload(image).text == "A"
    reply = use(server, "b")
    assert reply.status == 200
    assert reply.json["sets"][0]["name"] == "b"
    replaced(server)
    read = server.upload(image)
    assert (read.text, read.headers["X-Cache"]) == ("B", "miss")
    assert use(server, "a").status == 200
    replaced(server)
    again = server.upload(image)
    assert (again.text, again.headers["X-Cache"]) == ("A", "hit")
    assert server.upload(image, models="b").headers["X-Cache"] == "hit"


def test_the_set_in_use_is_not_loaded_again(server: ServerProcess) -> None:
    pids = server.worker_pids()
    assert use(server, "a").json["to_be_replaced"] == 0
    assert server.worker_pids() == pids


@dataclass
class Load:
    """Clients that send new pages until they are stopped, and what they were answered."""

    server: ServerProcess
    answers: list[tuple[bytes, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def client(self) -> None:
        with KeptConnection(self.server.port) as connection:
            while not self.stopped.is_set():
                image = new_page()
                reply = connection.request("POST", "/ocr", image, {"Content-Type": "image/png"})
                assert reply.status == 200, reply.body
                self.answers.append((image, reply.text))

    def read_by(self, letter: str) -> int:
        return sum(text == letter for _, text in self.answers)

    def check(self, names: Sequence[str]) -> None:
        """Each answer is kept under the set that gave it, and under no other."""
        for image, text in self.answers:
            kept = {
                name: reply.text
                for name in names
                if (reply := self.server.get(f"/results/{md5(image)}?models={name}")).status == 200
            }
            assert kept == {text.lower(): text}


@pytest.fixture
def load(server: ServerProcess) -> Iterator[Load]:
    """Eight clients; each must get an answer to each request."""
    running = Load(server)
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(running.client) for _ in range(CLIENTS)]
        wait_until(lambda: len(running.answers) > 3 * CLIENTS, "answers")
        try:
            yield running
        finally:
            running.stopped.set()
        for client in clients:
            client.result()


def test_models_are_swapped_under_the_load_of_eight_clients(
    server: ServerProcess, load: Load
) -> None:
    assert use(server, "b").status == 200
    replaced_under_load(server)
    before = load.read_by("B")
    wait_until(lambda: load.read_by("B") > before + 20, "answers of the new models", PATIENCE)
    assert load.read_by("A") + load.read_by("B") == len(load.answers)
    load.stopped.set()
    load.check(("a", "b", "c"))


def test_workers_are_killed_while_models_are_swapped(server: ServerProcess, load: Load) -> None:
    with ThreadPoolExecutor(1) as pool:
        using = pool.submit(use, server, "c")
        for _ in range(3):
            server.signal_worker(server.worker_pids()[0], signal.SIGKILL)
        assert using.result().status == 200
    server.signal_worker(server.worker_pids()[0], signal.SIGKILL)
    replaced_under_load(server)
    before = load.read_by("C")
    wait_until(lambda: load.read_by("C") > before + 20, "answers of the new models", PATIENCE)
    load.stopped.set()
    load.check(("a", "b", "c"))


def replaced_under_load(server: ServerProcess) -> None:
    wait_until(
        lambda: sets(server)["to_be_replaced"] == 0, "all workers with the new models", PATIENCE
    )


def test_broken_models_change_nothing(tmp_path: Path, server: ServerProcess, load: Load) -> None:
    rec = server.folder / "models" / "rec_B" / "inference.onnx"
    intact = tmp_path / "intact"
    shutil.copy(rec, intact)
    rec.write_bytes(intact.read_bytes()[:300])
    try:
        reply = use(server, "b")
        assert_error(reply, 409, "conflict")
        message = reply.json["error"]["message"]
        assert message.startswith("the models b cannot be used, so nothing has changed: ")
        assert "OpenVINO cannot read rec_B/inference.onnx" in message
        assert str(server.folder) not in message
        assert default(server) == "a"
        before = load.read_by("A")
        wait_until(lambda: load.read_by("A") > before + 20, "answers of the old models")
        assert load.read_by("A") == len(load.answers)
    finally:
        shutil.copy(intact, rec)


def test_files_that_are_gone_change_nothing(server: ServerProcess) -> None:
    folder = server.folder / "models" / "rec_B"
    away = folder.rename(folder.with_name("away"))
    try:
        reply = use(server, "b")
        assert_error(reply, 409, "conflict")
        assert "rec_model_dir: there is no folder rec_B" in reply.json["error"]["message"]
        assert default(server) == "a"
    finally:
        away.rename(folder)


def test_new_files_of_the_same_set_are_used_when_it_is_chosen_again(tmp_path: Path) -> None:
    """And never before: a worker that starts with other files than the server found is refused."""
    given = settings(tmp_path)
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "models" / "rec_A")
    given["ocr"]["model_sets"][0]["rec_model_dir"] = str(current)
    image = new_page()
    with ServerProcess(tmp_path, given) as server:
        wait_until(lambda: ready(server) == WORKERS, "both workers", PATIENCE)
        assert server.upload(image).text == "A"
        current.unlink()
        current.symlink_to(reader_of("N").write(tmp_path / "models" / "rec_N"))
        victim = server.worker_pids()[0]
        server.signal_worker(victim, signal.SIGKILL)
        refused = "has changed since the server found it"
        wait_until(lambda: refused in server.output, "a worker that may not start", PATIENCE)
        assert server.upload(new_page()).text == "A"
        assert use(server, "a").status == 200
        wait_until(
            lambda: sets(server)["to_be_replaced"] == 0, "all workers with the new models", PATIENCE
        )
        read = server.upload(image)
        assert (read.text, read.headers["X-Cache"]) == ("N", "miss")


def command(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`ocr-server models …` with the settings of the server."""
    config = server.folder / "config.json"
    url = f"http://127.0.0.1:{server.port}"
    return subprocess.run(
        [sys.executable, "-m", "server", "models", *arguments, "--config", str(config),
         "--url", url],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_lists_and_changes_the_sets(server: ServerProcess) -> None:
    server.upload(new_page())
    listed = command(server, "list")
    assert listed.returncode == 0, listed.stderr
    *_, default_set, second, third = listed.stdout.splitlines()
    assert default_set.split()[0] == "a"
    assert default_set.endswith(f"{WORKERS} workers")
    assert {second.split()[0], third.split()[0]} == {"b", "c"}

    used = command(server, "use", "b")
    assert used.returncode == 0, used.stderr
    assert used.stdout == "b is the default model set now\nall workers have it\n"
    assert used.stderr == "to keep it after a restart, set ocr.models to b\n"
    assert default(server) == "b"

    unknown = command(server, "use", "z")
    assert unknown.returncode == 1
    assert unknown.stderr == "ocr-server models: models = 'z': expected one of a, b, c\n"


def test_the_command_without_a_server_or_a_key(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"access": {"admin_key": "some key of an operator"}}')
    arguments = ["models", "use", "x", "--config", str(config), "--url", "http://127.0.0.1:9"]
    done = subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no server answers at http://127.0.0.1:9" in done.stderr
    config.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "needs a key with the scope `admin`" in done.stderr
