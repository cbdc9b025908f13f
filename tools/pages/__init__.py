"""The project's own test images: their texts, their drawing and their manifest."""
