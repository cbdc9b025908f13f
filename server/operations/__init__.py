"""Metrics, systemd notification and allocator settings."""
