"""The project's own test pictures: their texts, their drawing and their manifest."""
