"""The command `ocr-server`: runs a subcommand; without one, it runs `serve`."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

from ocr_client.closed_pipe import run_into_pipe
from ocr_client.exit_status import ExitStatus
from ocr_client.interpreter import wrong_interpreter
from server.standard_streams import open_standard_streams
from server.version import VERSION

PROGRAM = "ocr-server"
COMMANDS = {
    "serve": ("server.main", "run the server (the default command)"),
    "check-config": ("ocr_cli.check_config", "check settings and models"),
    "check-ready": ("ocr_cli.check_ready", "ask a running server whether it is ready"),
    "recognize": (
        "ocr_cli.recognize.command",
        "recognize images and folders, with or without a server",
    ),
    "batch": ("ocr_cli.objects.batch", "read what is new in a folder or a bucket, then exit"),
    "watch": ("ocr_cli.objects.watch", "read what is new in a folder or a bucket, all the time"),
    "mcp": ("ocr_cli.mcp", "tools for an agent on this machine (Model Context Protocol)"),
    "bench": ("ocr_cli.bench", "run a load test against a running server"),
    "keys": ("ocr_cli.keys", "make, list, limit and revoke the keys of users"),
    "db": ("ocr_cli.db", "show and upgrade the schema of the database"),
    "webhooks": ("ocr_cli.webhooks", "list and resend webhook messages, show their secret"),
    "alerts": ("ocr_cli.alerts", "post a test to the operator's webhook"),
    "dialects": ("ocr_cli.dialects", "list the APIs of other servers that are switched on"),
    "models": ("ocr_cli.models", "list and verify the installed models"),
}
# What pyproject.toml's dependencies install. The load test needs none of them.
PACKAGES = (
    "cachetools",
    "cv2",
    "limits",
    "numpy",
    "openvino",
    "PIL",
    "prometheus_client",
    "python_multipart",
    "tornado",
    "yaml",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand; returns the exit status."""
    open_standard_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_into_pipe(lambda: _run(given))


def _run(given: list[str]) -> int:
    if given[:1] in (["-h"], ["--help"]):
        print(_help())
        return 0
    if given == ["--version"]:
        print(VERSION)
        return 0
    name = given.pop(0) if given and not given[0].startswith("-") else "serve"
    if name not in COMMANDS:
        print(f"{PROGRAM}: {_unknown(name)}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    packages = () if name == "bench" else PACKAGES
    problem = wrong_interpreter(["-m", "server", name, *given], packages)
    if problem is not None:
        print(f"{PROGRAM}: {problem}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    try:
        module = importlib.import_module(COMMANDS[name][0])
        status: int = module.main(given, prog=f"{PROGRAM} {name}")
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    return status


def _help() -> str:
    lines = [f"usage: {PROGRAM} [command] [arguments]", "", "commands:"]
    lines += [f"  {name:13} {summary}" for name, (_, summary) in COMMANDS.items()]
    lines += [
        "",
        f"`{PROGRAM} COMMAND --help` shows the arguments of a command.",
        "",
        "examples:",
        f"  {PROGRAM} serve --port 9000",
        f"  {PROGRAM} recognize scan.png",
        f"  {PROGRAM} recognize scans/ --output texts/",
        f"  {PROGRAM} bench --duration 30s",
    ]
    return "\n".join(lines)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"commands are {', '.join(COMMANDS)}"
    return f"unknown command {name!r}; {hint}"
