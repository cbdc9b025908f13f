"""The description at /openapi.json against the running server."""
