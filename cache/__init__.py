"""Caches of results and recent images. Independent of the engine and the server."""
