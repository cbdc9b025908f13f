"""mcp: the official client of the Model Context Protocol, over streamable HTTP at /mcp."""

import asyncio
import base64
from pathlib import Path

import httpx2
from cases import run
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

TOOLS = {"recognize", "search_text", "job_status"}


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    return asyncio.run(call(url, key, base64.b64encode(Path(file).read_bytes()).decode()))


async def call(url: str, key: str, image: str) -> str:
    """The text that the tool finds; an answer that is marked as an error is raised."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        result = await client.call_tool("recognize", {"image": f"data:image/jpeg;base64,{image}"})
    (content,) = result.content
    if result.is_error:
        raise RuntimeError(content.text)
    return content.text


run(read)
