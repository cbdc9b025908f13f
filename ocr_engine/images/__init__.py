"""Image files: what they are, their pixels, and drawings on them."""
