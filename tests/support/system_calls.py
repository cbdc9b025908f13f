"""Runs a command with some system calls only, as SystemCallFilter= of systemd does.

python system_calls.py read,write,… COMMAND: other calls fail with EPERM.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_ALLOW = 0x7FFF0000
_FAIL = 0x00050000


def allow_only(names: list[str]) -> None:
    """Let this process and its children make these calls only; unknown names are left out."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_FAIL | errno.EPERM)))
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            library.seccomp_rule_add(rules, ctypes.c_uint32(_ALLOW), number, 0)
    status = library.seccomp_load(rules)
    if status != 0:
        sys.exit(f"system_calls: the filter was refused: {os.strerror(-status)}")


if __name__ == "__main__":
    allow_only(sys.argv[1].split(","))
    os.execvp(sys.argv[2], sys.argv[2:])
