"""Requests of this server to others, at URLs that clients name: which are allowed, and how."""
