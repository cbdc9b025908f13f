"""Findings 14, 15, 18, 19 and 21: the start and the end of the server's process."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from attacks.attack import Attack, Seen, Target, counted
from attacks.own_servers import GRACE_SECONDS, own_server, reads, shell
from tests.support.cards import card
from tests.support.greedy_clients import asking
from tests.support.http_client import Reply, upload_request
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

END_SECONDS = 10.0
OUTPUTS = {
    "full": (shell('exec "$@" >/dev/full 2>&1'), {}),
    "Latin-1": ((), {"PYTHONIOENCODING": "latin-1"}),
    "ASCII": ((), {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "closed": (shell('exec "$@" >&-'), {}),
}
MARKER = "import pathlib\npathlib.Path({!r}).touch()\nraise SystemExit(9)\n"


def odd_outputs(_: Target) -> Seen:
    """A stdout that is full or closed, or cannot say every character."""
    found = {name: _life(prefix, more) for name, (prefix, more) in OUTPUTS.items()}
    text = ", ".join(f"{name}: {what}" for name, what in found.items())
    return Seen(text, set(found.values()) == {"reads, exit 0"})


def closed_descriptors(_: Target) -> Seen:
    """A start with descriptors 0, 1 and 2 closed."""
    what = _life(shell('exec "$@" <&- >&- 2>&-'), {})
    return Seen(what, what == "reads, exit 0")


def _life(prefix: tuple[str, ...], environment: dict[str, str]) -> str:
    """What becomes of a server that is started like that, and stopped."""
    try:
        with own_server(prefix, {"PYTHONUNBUFFERED": "", **environment}) as server:
            what = "reads" if reads(server) else "does not read"
            server.terminate()
            return f"{what}, exit {server.wait(int(END_SECONDS))}"
    except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
        return "does not start" if "exited" in str(error) else type(error).__name__


def evil_folder(_: Target) -> Seen:
    """A current directory with modules under the names of Python's own."""
    with tempfile.TemporaryDirectory(prefix="ocr-attack-") as folder:
        marker = Path(folder) / "was-run"
        for name in ("multiprocessing", "numpy", "json", "tornado", "encodings"):
            (Path(folder) / f"{name}.py").write_text(MARKER.format(str(marker)))
        try:
            with own_server(shell(f'cd {folder}; exec "$@"'), models=True) as server:
                what = f"worker {server.health()['workers'][0]['state']}"
        except AssertionError:
            what = "no worker starts"
        ran = marker.exists()
    return Seen(f"{what}, foreign module {'WAS RUN' if ran else 'not run'}", not ran)


def hang_up(_: Target) -> Seen:
    """SIGHUP while an image is read: the image is answered, then the server ends."""
    with own_server() as server, ThreadPoolExecutor(1) as client:
        held = server.folder / "gate"
        held.touch()
        answer = client.submit(server.upload, card(f"hold {held}"))
        wait_until(lambda: server.begun(f"hold {held}"), "the image to begin")
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(0.5)  # what does not drain has ended by then
        running = server.is_running
        held.unlink()
        status = _status(answer) if running else 0
        code = server.wait(int(END_SECONDS)) if server.is_running else server.exit_status
    return Seen(f"answer {status or 'lost'}, exit {code}", status == 200 and code == 0)


def _status(answer: Future[Reply]) -> int:
    try:
        return answer.result(20).status
    except OSError:
        return 0


def user_signals(_: Target) -> Seen:
    """Signals that have no meaning for the server."""
    seen = []
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH):
        with own_server() as server:
            os.kill(server.pid, number)
            time.sleep(0.3)  # as long as a signal may take to end a process
            seen.append(
                "reads" if server.is_running and reads(server) else f"{number.name} ended it"
            )
    return Seen(counted(seen), set(seen) == {"reads"})


def drain_with_non_reader(_: Target) -> Seen:
    """SIGTERM while clients read nothing of their answers."""
    with own_server() as server:
        image = card(f"recite {server.folder / 'a book'}")
        assert server.upload(image).status == 200
        with asking(server.port, [upload_request(image, {"Host": "localhost"})] * 5):
            wait_until(lambda: server.health()["requests"]["open"] == 5, "open requests")
            seconds, code = _end(server)
    holds = code == 0 and seconds < GRACE_SECONDS - 3
    return Seen(f"exit {code} after {seconds:.1f} s of {GRACE_SECONDS:g} s of grace", holds)


def second_signal(_: Target) -> Seen:
    """A second SIGTERM while a recognition hangs."""
    with own_server() as server, server.send(card("spin")):
        wait_until(lambda: server.begun("spin"), "the image to begin")
        server.terminate()
        wait_until(lambda: "draining" in server.output, "the drain")
        seconds, code = _end(server)
    return Seen(f"exit {code} after {seconds:.1f} s", seconds < END_SECONDS)


def _end(server: ServerProcess) -> tuple[float, int | None]:
    started = time.monotonic()
    server.terminate()
    try:
        server.wait(int(GRACE_SECONDS + END_SECONDS))
    except subprocess.TimeoutExpired:
        return time.monotonic() - started, None
    return time.monotonic() - started, server.exit_status


def _own(
    finding: str,
    name: str,
    expected: str,
    run: Callable[[Target], Seen],
    is_quick: bool = True,
) -> Attack:
    return Attack(finding, name, expected, run, is_quick, own_server=True)


ATTACKS = (
    _own("14", "stdout full, closed, not Unicode", "starts, reads, exit 0", odd_outputs, False),
    _own("15", "modules in the current directory", "not run", evil_folder, False),
    _own("18", "SIGHUP while an image is read", "answered, exit 0", hang_up),
    _own("18", "SIGUSR1, SIGUSR2, SIGPIPE", "ignored", user_signals, False),
    _own(
        "19",
        "SIGTERM and non-readers",
        "exit 0, not after the whole grace",
        drain_with_non_reader,
        False,
    ),
    _own("2", "a second SIGTERM while work hangs", "it ends", second_signal),
    _own("21", "descriptors 0 to 2 closed", "starts, reads, exit 0", closed_descriptors, False),
)
