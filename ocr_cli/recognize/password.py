"""The password of encrypted documents, from the terminal or a file; it is never shown."""

from __future__ import annotations

import getpass
import sys
from dataclasses import replace
from pathlib import Path

from server.intake.request import DocumentChoices

MAX_BYTES = 4096


class PasswordUnreadable(Exception):
    """There is no password where it should be; the message is one line for the user."""


def with_password(choices: DocumentChoices, ask: bool, file: Path | None) -> DocumentChoices:
    """The choices with a password, if there is to be one; PasswordUnreadable."""
    if file is not None:
        return replace(choices, password=_first_line(file))
    return replace(choices, password=_typed()) if ask else choices


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            line = stream.readline(MAX_BYTES)
        password = line.decode().rstrip("\r\n")
    except OSError as error:
        raise PasswordUnreadable(f"--password-file {file}: {error.strerror}") from None
    except ValueError:
        raise PasswordUnreadable(f"--password-file {file}: its first line is no text") from None
    if not password:
        raise PasswordUnreadable(f"--password-file {file}: its first line is empty")
    return password


def _typed() -> str:
    if not sys.stdin.isatty():
        raise PasswordUnreadable(
            "--password asks on the terminal, and there is none; use --password-file FILE"
        )
    try:
        return getpass.getpass("Password of the documents: ")
    except EOFError:
        raise PasswordUnreadable("no password was given") from None
