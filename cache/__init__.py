"""Answers that need not be computed again. Knows neither the engine nor the server."""
