"""What tests and benchmarks share: servers, clients, fakes, and ways to watch."""
