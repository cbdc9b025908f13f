"""The numbers in the files of nginx and Caddy fit the server's, and a mistake is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from server.http.handlers.incoming_body import MAX_UPLOAD_SECONDS
from server.http.routes import HEADER_SECONDS
from server.settings.settings import Settings
from tests.support import proxies
from tests.support.proxies import CADDY, NGINX, Start, caddy, nginx

FILES = sorted((*NGINX.iterdir(), *CADDY.iterdir()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_limits_of_the_proxies_fit_those_of_the_server(file: Path) -> None:
    text, defaults = file.read_text(encoding="utf-8"), Settings()
    process = defaults.ocr.process
    sizes = re.findall(r"(?:client_max_body_size|max_size) (\d+)M?m?(?:iB)?\b", text)
    assert {int(size) for size in sizes} == {
        int(defaults.documents.max_body_mb) + 1,
        int(defaults.jobs.max_batch_mb) + 1,
    }
    times = [
        int(time) * {"s": 1, "m": 60}[unit]
        for time, unit in re.findall(
            r"(?:proxy_read_timeout|response_header_timeout|import ocr_servers) (\d+)([sm])", text
        )
    ]
    assert min(times) > process.queue_timeout_seconds + process.timeout_seconds
    assert max(times) >= MAX_UPLOAD_SECONDS
    kept = re.findall(r"keepalive(?:_timeout)? +(\d+)s", text)
    assert all(int(seconds) < HEADER_SECONDS for seconds in kept)


@pytest.mark.parametrize("start", [nginx, caddy])
def test_a_wrong_directive_is_refused(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, right, wrong in (
        ("NGINX", "proxy_read_timeout", "proxy_reed_timeout"),
        ("CADDY", "flush_interval", "flush_intervall"),
    ):
        place = tmp_path / name
        shutil.copytree(getattr(proxies, name), place)
        for file in place.iterdir():
            file.write_text(file.read_text().replace(right, wrong))
        monkeypatch.setattr(proxies, name, place)
    with (
        pytest.raises(AssertionError, match=r"proxy_reed_timeout|flush_intervall"),
        start(tmp_path, 9),
    ):
        pass
