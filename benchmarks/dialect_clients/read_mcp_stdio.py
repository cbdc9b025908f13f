"""mcp: the official client, which starts `ocr-server mcp` and speaks to it over stdio."""

import asyncio
from pathlib import Path

from cases import run
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).resolve().parents[2]


def read(url: str, key: str, file: str) -> str:
    """The text of the file; it is read by the server at the URL."""
    return asyncio.run(call(url, file))


async def call(url: str, file: str) -> str:
    """The text that the tool finds; an answer that is marked as an error is raised."""
    folder = str(Path(file).parent)
    arguments = ["-m", "server", "mcp", "--root", folder, "--url", url]
    command = StdioServerParameters(
        command=str(ROOT / ".venv" / "bin" / "python"), args=arguments, cwd=str(ROOT)
    )
    async with Client(command) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {
            "recognize",
            "search_text",
        }
        result = await client.call_tool("recognize", {"path": file})
    (content,) = result.content
    if result.is_error:
        raise RuntimeError(content.text)
    return content.text


run(read)
