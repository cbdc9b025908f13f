"""The warning of a server that anybody can use, and starts that need a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.operations.exposure import exposure_warning
from server.settings.loading import build
from server.settings.settings import Settings
from tests.support.server_process import ServerProcess, run_setup


@pytest.mark.parametrize(
    ("addresses", "values", "warns"),
    [
        (["127.0.0.1"], {}, False),
        (["127.0.0.1", "::1"], {}, False),
        (["0.0.0.0"], {}, True),
        (["::"], {}, True),
        (["127.0.0.1", "192.0.2.1"], {}, True),
        (["0.0.0.0"], {"access": {"required": True}}, False),
        (["0.0.0.0"], {"web_server": {"trusted_proxies": ["127.0.0.1"]}}, False),
    ],
)
def test_only_a_server_that_anybody_can_use_warns(
    addresses: list[str], values: dict[str, object], warns: bool
) -> None:
    warning = exposure_warning(build(Settings, values, ""), addresses)
    assert (warning is not None) == warns
    assert warning is None or addresses[-1] in warning


def test_required_keys_without_a_database_stop_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_setup(
        *("--port", "0", "--workers", "1"),
        OCR_ACCESS__REQUIRED="true",
        STATE_DIRECTORY=str(tmp_path / "file" / "state"),
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("ocr-server: access.required needs a database: cannot create the state")


def test_a_database_that_is_away_does_not_stop_the_start(tmp_path: Path) -> None:
    settings = {
        "access": {"required": True},
        "database": {"url": "postgresql://nobody@127.0.0.1:1/nothing"},
        "ocr": {"process": {"number": 1}},
    }
    with ServerProcess(tmp_path, settings, fakes=True) as server:
        assert server.get("/healthz").json == {"status": "ready"}
        assert "until it does, keys cannot be checked" in server.output
