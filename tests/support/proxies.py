"""nginx and Caddy with the configurations of docs/examples, on free ports of this machine."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

from server_programs import environment, find_program
from tests.support.certificates import Certificate, certificate_for
from tests.support.checkout import ROOT
from tests.support.http_client import Reply
from tests.support.program import free_port
from tests.support.raw_sockets import connect
from tests.support.watching import wait_until

EXAMPLES = ROOT / "docs" / "examples"
NAME = "ocr.example.org"
_BACKEND = "127.0.0.1:8888"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy. source: the address from which requests come."""

    port: int
    certificate: Certificate
    source: str = "127.0.0.2"

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request for NAME over TLS, and wait for the answer."""
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, {"Host": NAME, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())

    def connection(self) -> HTTPSConnection:
        """A connection that checks the certificate."""
        context = _Named(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate.file)
        return HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, context=context, source_address=(self.source, 0)
        )


class _Named(ssl.SSLContext):
    """Asks for NAME, whatever the address of the connection."""

    def wrap_socket(self, *given: object, **named: object) -> ssl.SSLSocket:
        named["server_hostname"] = NAME
        return super().wrap_socket(*given, **named)  # type: ignore[arg-type]


@contextlib.contextmanager
def nginx(folder: Path, backend: int | str, location: str = "") -> Iterator[Proxy]:
    """nginx with nginx.conf, one more location, and the ports and files of the test.

    backend: a port, or `unix:` and the path of a socket.
    """
    made, port = certificate_for(NAME, folder), free_port()
    site = (EXAMPLES / "nginx.conf").read_text()
    site = site.replace("    location / {", f"{location}\n    location / {{")
    place = backend if isinstance(backend, str) else f"127.0.0.1:{backend}"
    for old, new in (
        (_BACKEND, place),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("/etc/ssl/ocr/fullchain.pem", str(made.file)),
        ("/etc/ssl/ocr/privkey.pem", str(made.key)),
    ):
        assert old in site, old
        site = site.replace(old, new)
    paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in paths)
    config = folder / "nginx.conf"
    config.write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n"
    )
    user = ["-g", "daemon off; user root;"] if _is_root() else ["-g", "daemon off;"]
    command = [str(find_program("nginx")), "-c", str(config), "-p", str(folder), *user]
    with _running(folder, command, port):
        yield Proxy(port, made)


@contextlib.contextmanager
def caddy(folder: Path, backend: int) -> Iterator[Proxy]:
    """Caddy with Caddyfile, and the ports and files of the test."""
    made, port = certificate_for(NAME, folder), free_port()
    site = (EXAMPLES / "Caddyfile").read_text()
    for old, new in (
        (_BACKEND, f"127.0.0.1:{backend}"),
        (f"{NAME} {{", f"{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {made.file} {made.key}"),
    ):
        assert old in site, old
        site = site.replace(old, new)
    config = folder / "Caddyfile"
    config.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    command = [str(find_program("caddy")), "run", "--config", str(config), "--adapter", "caddyfile"]
    with _running(folder, command, port, HOME=str(folder), XDG_DATA_HOME=str(folder)):
        yield Proxy(port, made)


@contextlib.contextmanager
def _running(folder: Path, command: list[str], port: int, **more: str) -> Iterator[None]:
    log = folder / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**environment(), **more}, stdout=output, stderr=subprocess.STDOUT
        )

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), connect(port):
            return True
        return False

    try:
        wait_until(listens, f"{command[0]} to listen")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0
