"""The load test and its HTTP client; speaks HTTP and imports nothing else of the project."""
