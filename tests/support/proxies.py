"""nginx and Caddy with the configurations of deploy/, on free ports of this machine."""

from __future__ import annotations

import contextlib
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
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

NGINX = ROOT / "deploy" / "nginx"
CADDY = ROOT / "deploy" / "caddy"
NAME = "ocr.example.org"
SETTINGS = {  # of a server behind them
    "web_server": {"trusted_proxies": ["127.0.0.1"]},
    "ocr": {"process": {"number": 1}},
}
_FIRST, _SECOND = "127.0.0.1:8888", "127.0.0.1:8889"


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


Start = Callable[..., AbstractContextManager[Proxy]]  # nginx or caddy


@contextlib.contextmanager
def nginx(folder: Path, *backends: int | str, under_a_path: bool = False) -> Iterator[Proxy]:
    """nginx with ocr-server.conf, and the ports and files of the test.

    backends: one or two of a port, or `unix:` and the path of a socket. under_a_path: with
    under-a-path.conf too.
    """
    made, port = certificate_for(NAME, folder), free_port()
    first, *others = (each if isinstance(each, str) else _loopback(each) for each in backends)
    site = (NGINX / "ocr-server.conf").read_text(encoding="utf-8")
    if under_a_path:
        inner = (NGINX / "under-a-path.conf").read_text(encoding="utf-8")
        site = _replaced(site, "    location / {", f"{inner}\n    location / {{")
    for other in others:
        site = _replaced(site, f"# server {_SECOND} ", f"server {other} ")
    for old, new in (
        (_FIRST, first),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("/etc/ssl/ocr/fullchain.pem", str(made.file)),
        ("/etc/ssl/ocr/privkey.pem", str(made.key)),
    ):
        site = _replaced(site, old, new)
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
def caddy(folder: Path, *backends: int, under_a_path: bool = False) -> Iterator[Proxy]:
    """Caddy with Caddyfile, and the ports and files of the test; see nginx()."""
    made, port = certificate_for(NAME, folder), free_port()
    site = (CADDY / "Caddyfile").read_text(encoding="utf-8")
    if under_a_path:
        inner = (CADDY / "under-a-path.caddy").read_text(encoding="utf-8")
        site = _replaced(site, f"{NAME} {{", f"{NAME} {{\n{inner}")
    if len(backends) > 1:
        site = re.sub(r"# ((?:lb|fail|health)_\w+ )", r"\1", site)
    for old, new in (
        (f"reverse_proxy {_FIRST}", " ".join(("reverse_proxy", *map(_loopback, backends)))),
        (f"{NAME} {{", f"{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {made.file} {made.key}"),
    ):
        site = _replaced(site, old, new)
    config = folder / "Caddyfile"
    config.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    command = [str(find_program("caddy")), "run", "--config", str(config), "--adapter", "caddyfile"]
    with _running(folder, command, port, HOME=str(folder), XDG_DATA_HOME=str(folder)):
        yield Proxy(port, made)


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new)


def _loopback(port: int) -> str:
    return f"127.0.0.1:{port}"


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
