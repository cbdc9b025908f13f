"""Models on other servers: images are sent to them over HTTP, and their answers become results.

Imported only if the settings name such models.
"""
