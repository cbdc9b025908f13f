"""Commands on a terminal of a known width: what they draw, and what is left when they are done."""

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
    """All that a command wrote to its terminal, and its exit status."""

    status: int
    output: str

    def lines(self) -> list[str]:
        """What is still on the screen in the end, without lines that were erased."""
        return [_ERASED.sub("", line) for line in self.output.replace("\r\n", "\n").split("\n")]


def run_in_terminal(
    command: Sequence[str], columns: int, environment: Mapping[str, str] | None = None
) -> Shown:
    """Run it with a terminal as its standard output and error, until it leaves by itself."""
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    without = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=other,
        stderr=other,
        env={**without, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(environment or {})},
    )
    os.close(other)
    output = b""
    try:
        while piece := os.read(own, READ_BYTES):
            output += piece
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(own)
        process.wait(20)
    return Shown(process.returncode, output.decode())
