"""The parts of a cluster on one machine: what runs, with which command, and how it is asked."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rabbitmq_files import RabbitMQPorts, write_rabbitmq_files
from server_programs import ROOT, environment, find_program

DATABASE_USER = "postgres"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
NGINX = ROOT / "deploy" / "nginx" / "ocr-server.conf"


@dataclass(frozen=True)
class Part:
    """A process. answers: whether it can be used. user: other than that of this process."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    answers: Callable[[], bool]
    folder: Path
    user: str | None = None
    stop_seconds: float = 20.0


@dataclass
class ClusterPlan:
    """Where everything is: free ports of 127.0.0.1, and a folder with all data."""

    folder: Path
    nodes: int
    fronts: int
    workers: int
    settings: Mapping[str, str] = field(default_factory=dict)  # more of all front ends and nodes
    port: int = 0
    ports: dict[str, int] = field(default_factory=dict)

    def port_of(self, name: str) -> int:
        """The port of a part, the same for each of its starts."""
        if name not in self.ports:
            self.ports[name] = self.port if name == "nginx" and self.port else free_port()
        return self.ports[name]

    def parts(self) -> list[Part]:
        """All parts, in the order in which they are started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # PostgreSQL may run as another user
        return [
            self._postgresql(),
            self._redis("redis-state", "noeviction", durable=True),
            self._redis("redis-cache", "allkeys-lru"),
            *self._rabbitmq(),
            *(self._server("node", number) for number in range(1, self.nodes + 1)),
            *(self._server("front", number) for number in range(1, self.fronts + 1)),
            self._nginx(),
        ]

    @property
    def url(self) -> str:
        """Where the cluster is."""
        return f"http://127.0.0.1:{self.port_of('nginx')}"

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return f"postgresql://{DATABASE_USER}@127.0.0.1:{self.port_of('postgresql')}/ocr"

    def variables(self) -> dict[str, str]:
        """The settings of front ends and nodes, as variables."""
        state, cache = (self.port_of(f"redis-{name}") for name in ("state", "cache"))
        return {
            **os.environ,
            "XDG_STATE_HOME": str(self.folder / "state"),
            "OCR_ACCESS__ADMIN_KEY_FILE": str(self._admin_key()),
            "OCR_CLUSTER__BROKER_URL": f"amqp://guest:guest@127.0.0.1:{self.port_of('amqp')}//",
            "OCR_CLUSTER__STATE_URL": f"redis://127.0.0.1:{state}/0",
            "OCR_CLUSTER__CACHE_URL": f"redis://127.0.0.1:{cache}/0",
            "OCR_DATABASE__URL": self.database_url,
            "OCR_USAGE__ENABLED": "true",
            "OCR_WEB_SERVER__TRUSTED_PROXIES": "127.0.0.1",
            "OCR_OCR__PROCESS__NUMBER": str(self.workers),
            "OCR_OCR__PROCESS__SPARES": "0",
            **self.settings,
        }

    def _admin_key(self) -> Path:
        path = self.folder / "admin_key"
        if not path.exists():
            path.write_text(secrets.token_urlsafe(24))
            path.chmod(0o600)
        return path

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _postgresql(self) -> Part:
        folder, port = self._new_folder("postgresql"), self.port_of("postgresql")
        program = find_program("postgres")
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        if not (folder / "data").exists():
            if user is not None:
                os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
            options = ["-D", "data", "-U", DATABASE_USER, "-A", "trust", "-E", "UTF8"]
            subprocess.run(
                [str(program.parent / "initdb"), *options, "--no-locale"],
                cwd=folder,
                env=environment(),
                user=user,
                check=True,
                capture_output=True,
            )
        command = [
            *(str(program), "-D", "data", "-p", str(port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
            *("-c", "max_connections=200"),
        ]
        ready = str(program.parent / "pg_isready")

        def answers() -> bool:
            asked = [ready, "-q", "-h", "127.0.0.1", "-p", str(port), "-U", DATABASE_USER]
            return subprocess.run(asked, env=environment(), check=False).returncode == 0

        return Part("postgresql", command, environment(), answers, folder, user)

    def _redis(self, name: str, policy: str, durable: bool = False) -> Part:
        folder, port = self._new_folder(name), self.port_of(name)
        command = [
            *(str(find_program("redis-server")), "--port", str(port), "--bind", "127.0.0.1"),
            *("--dir", str(folder), "--save", "", "--appendonly", "yes" if durable else "no"),
            *("--maxmemory", "256mb", "--maxmemory-policy", policy),
        ]

        def answers() -> bool:
            with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith(b"+PONG")

        return Part(name, command, environment(), answers, folder)

    def _rabbitmq(self) -> list[Part]:
        folder = self._new_folder("rabbitmq")
        names = ("amqp", "management", "erlang", "epmd")
        ports = RabbitMQPorts(*map(self.port_of, names))
        files = write_rabbitmq_files(folder, "ocr", ports)
        return [
            Part("epmd", files.mapper, files.environment, lambda: listens(ports.mapper), folder),
            Part("rabbitmq", files.command, files.environment, lambda: listens(ports.amqp), folder),
        ]

    def _server(self, role: str, number: int) -> Part:
        name = f"{role}{number}"
        port = self.port_of(name)
        command = [sys.executable, "-m", "server", "serve", "--role", role, "--port", str(port)]
        variables = self.variables()

        def answers() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)

        return Part(name, command, variables, answers, self._new_folder(name), stop_seconds=50.0)

    def _nginx(self) -> Part:
        folder, port = self._new_folder("nginx"), self.port_of("nginx")
        fronts = [self.port_of(f"front{number}") for number in range(1, self.fronts + 1)]
        (folder / "nginx.conf").write_text(nginx_config(folder, port, fronts))
        user = " user root;" if os.geteuid() == 0 else ""
        command = [
            *(str(find_program("nginx")), "-p", str(folder), "-c", str(folder / "nginx.conf")),
            *("-g", f"daemon off;{user}"),
        ]
        return Part("nginx", command, environment(), lambda: listens(port), folder)


def nginx_config(folder: Path, port: int, fronts: Sequence[int]) -> str:
    """deploy/nginx/ocr-server.conf for these front ends, without TLS and on loopback."""
    site = NGINX.read_text(encoding="utf-8").partition("\nserver {\n    listen 80;")[0]
    servers = "\n    ".join(
        f"server 127.0.0.1:{each} max_fails=1 fail_timeout=2s;" for each in fronts
    )
    site = re.sub(r" *server 127\.0\.0\.1:8888 .*\n( *#.*\n)?", f"    {servers}\n", site, count=1)
    site = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", site)
    site = re.sub(r" *ssl_\w+ .*\n", "", site)
    paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in paths)
    return (
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n"
    )


def create_database(plan: ClusterPlan) -> None:
    """Create the database if it is not there, with the newest schema."""
    program = find_program("postgres").parent / "createdb"
    port = str(plan.port_of("postgresql"))
    command = [str(program), "-h", "127.0.0.1", "-p", port, "-U", DATABASE_USER, "ocr"]
    subprocess.run(command, env=environment(), check=False, capture_output=True)
    upgrade = [sys.executable, "-m", "server", "db", "upgrade"]
    subprocess.run(upgrade, cwd=ROOT, env=plan.variables(), check=True, capture_output=True)


def remove_data(folder: Path) -> None:
    """Delete everything that the parts have kept."""
    shutil.rmtree(folder, ignore_errors=True)


def listens(port: int) -> bool:
    """Whether something listens on this port."""
    with socket.create_connection(("127.0.0.1", port), 1.0):
        return True


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
