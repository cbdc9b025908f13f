"""The tools as a server of the official SDK of MCP; imported only where it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from server.agents.tools import AgentService, call_tool, tool_list
from server.version import VERSION

INSTRUCTIONS = (
    "Reads text in images with OCR. Use `recognize` for all text of an image, `search_text` to "
    "find where a text is. Boxes are left, top, right and bottom in pixels of the upright image."
)


def agent_server(service_of: Callable[[Any], AgentService]) -> Server[Any]:
    """A server with the tools. service_of: what answers a request; None for standard streams."""

    async def list_tools(
        context: ServerRequestContext[Any], _: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        tools = [
            types.Tool(
                name=tool["name"],
                description=tool["description"],
                input_schema={
                    "type": "object",
                    "properties": tool["schema"],
                    "required": tool.get("required", []),
                },
                annotations=types.ToolAnnotations(read_only_hint=True),
            )
            for tool in tool_list(service_of(context.request))
        ]
        return types.ListToolsResult(tools=tools)

    async def call(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        service = service_of(context.request)
        answer = await call_tool(service, params.name, params.arguments or {})
        content: list[types.ContentBlock] = [types.TextContent(text=answer.text)]
        return types.CallToolResult(content=content, is_error=bool(answer.code))

    return Server(
        "concurrent-ocr-server",
        version=VERSION,
        title="OCR",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call,
    )
