"""Replays the findings of an attack on the server, next to honest clients; prints a table.

    python benchmarks/attack.py [--only TEXT] [--lag 0.25] [--workers 2]
                                [--url http://127.0.0.1:8888 --pid PID [--log FILE]]

It starts a server with real models, or attacks the one at --url, whose front end has the id --pid;
it must run on this machine. Some attacks start servers of their own. --only: attacks whose name or
finding contains the text.

Meanwhile, honest clients in a process of their own ask for /livez every 20 ms and upload an image
twice a second. Exit status 1 if an attack did more than expected, an honest client got no or a
wrong answer, or /livez took longer than --lag seconds plus what the machine itself cost; for
judging that, nothing else may run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from honest_clients import HonestClients, Lap
from server_under_test import ROOT, serving

sys.path[:0] = [str(ROOT / "tools")]

from attacks import (  # noqa: E402
    bodies,
    descriptors,
    headers,
    images,
    lifecycle,
    supply,
    together,
    uploads,
    work,
)
from attacks.attack import Attack, Seen, Target  # noqa: E402

KNOWN = ROOT / "tests" / "data" / "pages" / "special_sign_grey8.png"
_MODULES = (
    bodies, headers, images, uploads, work, descriptors, lifecycle, supply, together
)  # fmt: skip
ATTACKS = tuple(attack for module in _MODULES for attack in module.ATTACKS)
_TITLES = ("finding", "", "lag ms (machine)", "MiB", "log KB", "images", "attack: expected; seen")
_WIDTHS = (7, 6, 16, 5, 6, 6, 0)


def main() -> int:
    """Run the attacks; returns the exit status."""
    arguments = _parse()
    chosen = [each for each in ATTACKS if arguments.only in f"{each.finding} {each.name}"]
    failed = []
    with _target(arguments) as target, HonestClients(target.port, KNOWN, target.pid) as honest:
        _print_row(_TITLES)
        _print_row(("-", "", *_numbers(honest.lap(), 0, 0), "nothing"))
        for attack in chosen:
            if not _run(attack, target, honest, arguments.lag):
                failed.append(attack.name)
    print(f"failed: {len(failed)} of {len(chosen)}: {'; '.join(failed)}" if failed else "all held")
    return 1 if failed else 0


def _run(attack: Attack, target: Target, honest: HonestClients, lag: float) -> bool:
    """Run one attack and print its row; returns whether it held."""
    memory, log = target.memory_mb(), target.log_bytes()
    honest.lap()
    quiet = contextlib.redirect_stdout(io.StringIO())  # servers of attacks print their output
    try:
        with quiet:
            seen = attack.run(target)
    except (AssertionError, OSError, HTTPException, ValueError) as error:
        seen = Seen(f"{type(error).__name__}: {str(error)[:200]}", False)
    target.wait_until_idle()
    lap = honest.lap()
    grown, logged = target.memory_mb() - memory, len(target.log_since(log)) / 1000
    holds = seen.holds and (attack.own_server or lap.holds(lag))
    numbers = ("", "", "", "") if attack.own_server else _numbers(lap, grown, logged)
    what = f"{attack.name}: {attack.expected}; {seen.text}"
    if lap.problem and not attack.own_server:
        what += f"; an honest client: {lap.problem}"
    _print_row((attack.finding, "ok" if holds else "FAILED", *numbers, what))
    return holds


def _numbers(lap: Lap, grown: float, logged: float) -> tuple[str, str, str, str]:
    wrong = f", {lap.wrong + lap.live_failed} wrong" if lap.wrong or lap.live_failed else ""
    images = f"{lap.read}{wrong}"
    lag = f"{lap.lag * 1000:.0f} ({lap.noise * 1000:.0f})"
    return lag, f"{grown:+.0f}", f"{logged:.0f}", images


def _print_row(cells: tuple[str, ...]) -> None:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    print("  ".join(padded), flush=True)


@contextlib.contextmanager
def _target(arguments: argparse.Namespace) -> Iterator[Target]:
    """The server at --url, or one that is started here."""
    image = KNOWN.read_bytes()
    if arguments.url:
        yield Target(urlsplit(arguments.url).port or 80, arguments.pid, arguments.log, image)
        return
    settings = {"ocr": {"process": {"number": arguments.workers, "max_task_number": 0}}}
    with serving(settings, access_log_level="INFO") as server:
        yield Target(server.port, server.pid, server.folder / "server.log", image)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="part of a name or a finding")
    parser.add_argument("--lag", type=float, default=0.25, help="seconds of /livez")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--url", help="a started server, as http://127.0.0.1:8888")
    parser.add_argument("--pid", type=int, help="the process id of its front end")
    parser.add_argument("--log", type=Path, help="the file with its output")
    arguments = parser.parse_args()
    if arguments.url and not arguments.pid:
        parser.error("--url needs --pid")
    if arguments.url and urlsplit(arguments.url).hostname not in ("127.0.0.1", "localhost"):
        parser.error("the server must run on this machine: --url http://127.0.0.1:PORT")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
