"""The servers that peers.py compares: how each is started, asked and watched."""
