"""Where the database is."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.database.location import LocationError, locate, network_file_system, state_folder

MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:35 / /mnt/share rw,relatime shared:20 - nfs4 server:/export rw,vers=4.2
41 40 8:2 / /mnt/share/local rw,relatime - xfs /dev/sdb1 rw
42 22 0:36 / /mnt/two\\040words rw - cifs //server/share rw
"""


def test_systemd_names_the_state_folder() -> None:
    given = {"STATE_DIRECTORY": "/var/lib/ocr:/var/lib/more", "XDG_STATE_HOME": "/home/a/state"}
    assert state_folder(given) == Path("/var/lib/ocr")


def test_without_systemd_it_is_the_users() -> None:
    assert state_folder({"XDG_STATE_HOME": "/home/a/state"}) == Path("/home/a/state/ocr-server")
    assert state_folder({}) == Path.home() / ".local" / "state" / "ocr-server"


def test_without_a_url_it_is_a_file_in_the_folder() -> None:
    found = locate(None, Path("/var/lib/ocr"))
    assert found.kind == "sqlite"
    assert found.file == Path("/var/lib/ocr/ocr.sqlite3")


def test_a_postgresql_url_gets_its_driver_and_is_shown_without_the_password() -> None:
    found = locate("postgresql://ocr:secret@db:5432/ocr", Path("/var/lib"))
    assert found.kind == "postgresql"
    assert found.url == "postgresql+psycopg://ocr:secret@db:5432/ocr"
    assert found.shown == "postgresql://db:5432/ocr"


@pytest.mark.parametrize(
    "url", ["mysql://db/ocr", "sqlite:///relative.db", "sqlite://", "/var/lib/ocr.db"]
)
def test_another_url_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(LocationError, match="sqlite:////"):
        locate(url, Path("/var/lib"))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/ocr", None),
        ("/mnt/share/ocr", "nfs4"),
        ("/mnt/share/local/ocr", None),
        ("/mnt/two words", "cifs"),
    ],
)
def test_a_network_file_system_is_recognized_by_the_longest_mount_point(
    path: str, kind: str | None
) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind
