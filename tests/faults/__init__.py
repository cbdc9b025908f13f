"""Tests of every row in docs/reliability.md, with real faults."""
