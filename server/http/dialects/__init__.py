"""The dialects: each one reads requests and writes answers and errors of one HTTP API."""
