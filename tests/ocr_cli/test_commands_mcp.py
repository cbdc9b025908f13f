"""`ocr-server mcp`: the client of MCP's SDK starts it and reads an image over its streams."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.live_server import LiveServer


def asked(folder: Path, *arguments: str, **calls: str) -> list[tuple[str, bool]]:
    """The answers of recognize for these paths, from a server that the client starts."""

    async def run() -> list[tuple[str, bool]]:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "server", "mcp", *arguments],
            cwd=str(ROOT),
            env={**os.environ, "XDG_STATE_HOME": str(folder)},
        )
        async with Client(command) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["recognize", "search_text"]
            results = [
                await client.call_tool("recognize", {"path": each}) for each in calls.values()
            ]
            return [(each.content[0].text, each.is_error) for each in results]  # type: ignore[union-attr]

    return asyncio.run(asyncio.wait_for(run(), 90))


@pytest.mark.slow
def test_images_are_read_by_workers_of_the_command(tmp_path: Path) -> None:
    sign = str(ROOT / "imgs" / "sign.jpg")
    read, outside = asked(tmp_path, "--root", "imgs", sign=sign, outside="/etc/hostname")
    assert read == ("海风书店\nSEA BREEZE BOOKS\n每天十点到二十点", False)
    assert outside[1]
    assert f"in the folders {ROOT / 'imgs'}" in outside[0]
    assert "--root FOLDER" in outside[0]


def test_images_are_read_by_a_running_server(wide: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "card.png").write_bytes(card("through the server"))
    url = f"http://127.0.0.1:{wide.port}"
    (read,) = asked(tmp_path, "--root", str(tmp_path), "--url", url, card="card.png")
    assert read == ("through the server", False)
