"""The APIs that an image may be posted in: each reads requests and writes answers in its words."""
