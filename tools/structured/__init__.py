"""Requests and images that are valid except in a few places, for fuzzing."""
