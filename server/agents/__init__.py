"""Tools for agents, which speak the Model Context Protocol (MCP)."""
