"""`ocr-server dialects`: what is on, and a command for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocr_cli.dialects import main
from server.settings.dialects import DIALECTS, NAMES


def config(folder: Path, **web_server: object) -> list[str]:
    path = folder / "config.json"
    path.write_text(json.dumps({"web_server": web_server}))
    return ["--config", str(path)]


def test_only_what_is_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = config(tmp_path, dialects=["umi-ocr", "paddlex"], address="0.0.0.0", port=9001)
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    titles = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert titles == ["paddlex: PaddleX serving 3.x", "umi-ocr: Umi-OCR"]
    assert "  POST /layout-parsing\n" in shown
    assert "-d @- http://127.0.0.1:9001/api/ocr\n" in shown


def test_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*config(tmp_path, dialects=["kserve"]), "--all"]) == 0
    shown = capsys.readouterr().out
    assert shown.count(" (off)\n") == len(DIALECTS) - 1
    assert all(f"{row.name}: {row.server}" in shown and f"  key: {row.key}" in shown
               for row in DIALECTS)  # fmt: skip


def test_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(config(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("web_server.dialects is empty")
    assert all(name in shown for name in NAMES)


def test_a_unix_socket(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(config(tmp_path, dialects=["crnn"], unix_socket="ocr.sock")) == 0
    command = f"curl --unix-socket {tmp_path}/ocr.sock -F file=@IMAGE http://localhost/dialects/"
    assert command in capsys.readouterr().out


def test_a_name_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(config(tmp_path, dialects=["paddle"])) == 2
    assert 'web_server.dialects: expected ["all"]' in capsys.readouterr().err.replace(
        'web_server.dialects = ["paddle"]', "web_server.dialects"
    )
