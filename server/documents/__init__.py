"""Documents: opened by renderers, and read page by page like images."""
