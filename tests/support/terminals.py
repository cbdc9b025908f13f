"""Runs commands on a terminal of a known width, and gets the screen at their end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

READ_BYTES = 65536
_ERASED = re.compile(r"^.*\r\x1b\[K")


@dataclass(frozen=True, slots=True)
class Shown:
    """The terminal output of a command, and its exit status."""

    status: int
    output: str

    def lines(self) -> list[str]:
        """The lines on the screen at the end, without erased lines."""
        return [_ERASED.sub("", line) for line in self.output.replace("\r\n", "\n").split("\n")]


def run_in_terminal(
    command: Sequence[str],
    columns: int,
    environment: Mapping[str, str] | None = None,
    typed: tuple[bytes, bytes] | None = None,
) -> Shown:
    """Run it with a terminal as standard output and error until it exits.

    typed: a prompt, and what is typed when it appears; the terminal is standard input, too, then.
    """
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    without = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    session = [] if typed is None else ["setsid", "--ctty", "--wait"]
    process = subprocess.Popen(
        [*session, *command],
        stdin=subprocess.DEVNULL if typed is None else other,
        stdout=other,
        stderr=other,
        env={**without, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(environment or {})},
    )
    os.close(other)
    output = b""
    try:
        while piece := os.read(own, READ_BYTES):
            output += piece
            if typed is not None and typed[0] in output:
                os.write(own, typed[1])
                typed = None
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(own)
        process.wait(20)
    return Shown(process.returncode, output.decode())
