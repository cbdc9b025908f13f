"""Servers that attacks start themselves: they end them, or take away what they need."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attacks.attack import Target
from tests.support.cards import card
from tests.support.faulty_server import prepare
from tests.support.program import free_port
from tests.support.server_process import ServerProcess

KNOWN = "known"
GRACE_SECONDS = 15.0


class QuietServer(ServerProcess):
    """A server with fake recognizers that may be unable to print its port."""

    def start(self, port: int = 0) -> None:
        """Start it on a port that is chosen before."""
        self.port = port or free_port()
        super().start(self.port)

    def _find_port(self) -> bool:
        assert self.is_running, f"exit {self.exit_status}\n\n{self.output[-2000:]}"
        return True


def shell(command: str) -> tuple[str, ...]:
    """A prefix that runs the server's command within a shell command, where it is "$@"."""
    return ("sh", "-c", command, "sh")


@contextlib.contextmanager
def own_server(
    prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None, models: bool = False
) -> Iterator[ServerProcess]:
    """A server of one worker in a temporary folder; with fakes unless `models` are asked for."""
    with tempfile.TemporaryDirectory(prefix="ocr-attack-") as name:
        folder = Path(name)
        server: ServerProcess
        if prefix or environment or models:
            settings = {
                "web_server": {"grace_seconds": GRACE_SECONDS},
                "ocr": {"process": {"number": 1, "timeout_seconds": 30}},
            }
            server = QuietServer(folder, settings, not models, environment, prefix=prefix)
        else:
            grace = {"grace_seconds": GRACE_SECONDS}
            server = prepare(folder, True, web_server=grace, number=1, timeout_seconds=30)
        with server:
            yield server


def target_of(server: ServerProcess) -> Target:
    """The server as a target; its images are cards."""
    return Target(server.port, server.pid, server.folder / "server.log", card(KNOWN))


def reads(server: ServerProcess) -> bool:
    """Whether it reads a card."""
    reply = server.upload(card("still read"), {"Cache-Control": "no-cache"})
    return reply.status == 200 and reply.text == "still read"
