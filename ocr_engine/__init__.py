"""Recognizes images in worker processes. Independent of HTTP."""
