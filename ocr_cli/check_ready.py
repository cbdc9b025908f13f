"""`ocr-server check-ready`: ask the server of these settings whether it is ready."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException

from ocr_cli.config_argument import add_config_argument
from ocr_client.exit_status import ExitStatus
from server.settings.loading import SettingsError, load_settings
from server.settings.settings import Settings

ANSWER_SECONDS = 5.0
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def main(arguments: Sequence[str], prog: str) -> int:
    """Ask GET /readyz; returns the exit status, 1 if the server is not ready."""
    options = _parse(arguments, prog)
    try:
        settings = load_settings(options.config)
    except SettingsError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    place = _place(settings)
    try:
        status = _status(_connect(settings))
    except (OSError, HTTPException) as error:
        print(f"{prog}: no answer from {place}: {error}", file=sys.stderr)
        return ExitStatus.FAILED
    if status != 200:
        print(f"{prog}: {place} is not ready (status {status})", file=sys.stderr)
        return ExitStatus.FAILED
    print(f"{place} is ready")
    return ExitStatus.OK


def _place(settings: Settings) -> str:
    web = settings.web_server
    if web.unix_socket is not None:
        return f"unix:{settings.resolve(web.unix_socket)}"
    return f"{web.address}:{web.port}"


def _connect(settings: Settings) -> socket.socket:
    """A connection to where a server with these settings listens."""
    web = settings.web_server
    if web.unix_socket is None:
        host = _LOOPBACK.get(web.address, web.address)
        return socket.create_connection((host, web.port), ANSWER_SECONDS)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(str(settings.resolve(web.unix_socket)))
    except OSError:
        connection.close()
        raise
    return connection


def _status(connection: socket.socket) -> int:
    """The status of GET /readyz over this connection, which is closed."""
    exchange = HTTPConnection("localhost", timeout=ANSWER_SECONDS)
    exchange.sock = connection
    try:
        exchange.request("GET", "/readyz")
        answer = exchange.getresponse()
        answer.read()
        return answer.status
    finally:
        exchange.close()


def _parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Ask the server that runs with these settings whether it is ready "
        "(GET /readyz). The exit status is 0 if it is. For health checks of containers.",
    )
    add_config_argument(parser)
    return parser.parse_args(arguments)
