"""The servers that peers.py compares: start, requests and monitoring of each."""
