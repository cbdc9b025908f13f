"""The settings of /mcp, for agents."""

from __future__ import annotations

from dataclasses import dataclass

from server.settings.constraints import Flag
from server.settings.declared import setting


@dataclass(frozen=True, slots=True)
class McpSettings:
    """Whether agents may use the server over MCP."""

    enabled: bool = setting(Flag(), False)
