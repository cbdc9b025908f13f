"""Parses requests: from body bytes to checked fields, options and the image source."""
