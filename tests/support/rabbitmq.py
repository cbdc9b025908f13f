"""A RabbitMQ server of the tests' own, on free ports of this machine.

Import the fixtures that a test file uses.
"""

from __future__ import annotations

import base64
import itertools
import os
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from server_programs import environment, find_program
from tests.support.data_server import DataServer
from tests.support.program import free_port

# The schedulers of Erlang must not keep the cores busy while there is nothing to do.
_ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
_ERL = """#!/bin/sh
export ROOTDIR='{root}' BINDIR='{programs}' EMU=beam PROGNAME=erl
exec '{programs}/erlexec' "$@"
"""
_CONFIG = """
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
log.file = false
log.console = true
log.console.level = warning
vm_memory_high_watermark.absolute = 400MB
disk_free_limit.absolute = 1MB
"""


class RabbitMQ(DataServer):
    """A server process with its own data folder, and the port mapper of Erlang that it needs.

    It takes seconds to start, so one of them serves all tests of a process: each test has a virtual
    host, which is as empty as a server of its own.
    """

    name = "RabbitMQ"

    def __init__(self) -> None:
        super().__init__()
        self._program = find_program("rabbitmq-server")
        self._port_mapper = find_program("epmd").resolve()
        self._mapping: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self.port = free_port()
        self._management = free_port()
        self._environment = {
            **environment(),
            "PATH": f"{self._folder}:{os.environ['PATH']}",  # for `erl`
            "HOME": str(self._folder),  # for the secret that nodes of Erlang share
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell around the process
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} {_LOOPBACK}",
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "no-such-file"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
        }

    def __enter__(self) -> Self:
        self._write("rabbitmq.conf", _CONFIG.format(port=self.port, management=self._management))
        self._write("enabled_plugins", "[rabbitmq_management].\n")
        # Debian's own script has the path of an installed Erlang.
        programs = self._port_mapper.parent
        self._write("erl", _ERL.format(root=programs.parents[1], programs=programs)).chmod(0o755)
        self._mapping = subprocess.Popen(
            [str(self._port_mapper)], env=self._environment, stdin=subprocess.DEVNULL
        )
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._mapping is not None:
            self._mapping.kill()
            self._mapping.wait()

    def start(self) -> None:
        """See DataServer."""
        self.launch([str(self._program)], self._environment)

    def answers(self) -> bool:
        """See DataServer."""
        try:
            return self._manage("GET", "/api/health/checks/virtual-hosts") == 200
        except (OSError, HTTPException):
            return False

    def create_vhost(self) -> str:
        """Create a virtual host; its URL."""
        name = f"test{next(self._numbers)}"
        assert self._manage("PUT", f"/api/vhosts/{name}") == 201
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"

    def delete_vhost(self, url: str) -> None:
        """Delete it with all its queues, and close its connections."""
        assert self._manage("DELETE", f"/api/vhosts/{url.rpartition('/')[2]}") == 204

    def _manage(self, method: str, path: str) -> int:
        """The status of a request to RabbitMQ's management plug-in."""
        connection = HTTPConnection("127.0.0.1", self._management, timeout=10)
        try:
            user = base64.b64encode(b"guest:guest").decode()
            connection.request(method, path, headers={"Authorization": f"Basic {user}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text)
        return path


@pytest.fixture(scope="session")
def rabbitmq_of_all() -> Iterator[RabbitMQ]:
    """The server, started by the first test that needs it."""
    with RabbitMQ() as server:
        yield server


@pytest.fixture
def rabbitmq(rabbitmq_of_all: RabbitMQ) -> Iterator[RabbitMQ]:
    """The server; whole again after a test that kills or freezes it."""
    yield rabbitmq_of_all
    rabbitmq_of_all.make_whole()


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The URL of an empty virtual host of the server, for one test."""
    url = rabbitmq.create_vhost()
    yield url
    rabbitmq.make_whole()
    rabbitmq.delete_vhost(url)
