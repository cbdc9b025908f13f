"""Reads images on other machines: queues, nodes, and what front ends share in Redis."""
