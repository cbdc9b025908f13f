"""Servers, clients, fakes and process monitoring for tests and benchmarks."""
