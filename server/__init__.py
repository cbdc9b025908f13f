"""The server, room by room; docs/architecture.md has the plan."""
