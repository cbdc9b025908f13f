"""Shared by the command-line clients: HTTP, arguments, progress and Ctrl-C."""
