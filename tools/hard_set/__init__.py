"""The hard set: images with known text that tell readers apart, made from a seed."""
