"""Runs a command with some system calls and address families only, as systemd does.

python system_calls.py read,write,… AF_INET,… COMMAND: other calls, and sockets of other families,
fail with EPERM. See SystemCallFilter= and RestrictAddressFamilies=.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys

_ALLOW = 0x7FFF0000
_FAIL = 0x00050000
_EQUAL = 4


class _Comparison(ctypes.Structure):
    """A condition on an argument of a call: struct scmp_arg_cmp."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("unused", ctypes.c_uint64),
    )


def allow_only(names: list[str], families: list[str]) -> None:
    """Let this process and its children make these calls only; unknown names are left out."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_FAIL | errno.EPERM)))
    allow = ctypes.c_uint32(_ALLOW)
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue
        if name != "socket":
            library.seccomp_rule_add_array(rules, allow, number, 0, None)
            continue
        for family in families:
            is_family = _Comparison(0, _EQUAL, getattr(socket, family), 0)
            library.seccomp_rule_add_array(rules, allow, number, 1, ctypes.byref(is_family))
    status = library.seccomp_load(rules)
    if status != 0:
        sys.exit(f"system_calls: the filter was refused: {os.strerror(-status)}")


if __name__ == "__main__":
    allow_only(sys.argv[1].split(","), sys.argv[2].split(","))
    os.execvp(sys.argv[3], sys.argv[3:])
