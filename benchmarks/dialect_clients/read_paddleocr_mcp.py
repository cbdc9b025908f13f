"""paddleocr-mcp: its tool `ocr`, which asks this server as PaddleX's serving (self_hosted)."""

import asyncio
import json
import sys

from cases import run
from fastmcp import Client
from fastmcp.client.transports import StdioTransport


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    return asyncio.run(call(url, file))


async def call(url: str, file: str) -> str:
    """The text that the tool finds."""
    arguments = ["--model", "PP-OCRv6", "--ppocr_source", "self_hosted"]
    program = ["-m", "paddleocr_mcp", *arguments, "--self-hosted-base-url", url]
    async with Client(StdioTransport(sys.executable, program)) as client:
        result = await client.call_tool("ocr", {"input_data": file, "output_mode": "detailed"})
    (content,) = result.content
    found = json.loads(content.text)
    assert all(len(line["bbox"]) == 4 for line in found["text_lines"])
    return "\n".join(line["text"] for line in found["text_lines"])


run(read)
