"""Webhooks: messages to the receivers that clients name, sent until they arrive."""
