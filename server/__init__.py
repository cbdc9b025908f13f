"""The HTTP server, from sockets to answers; docs/architecture.md shows its packages."""
