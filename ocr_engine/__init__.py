"""Images to text, in processes. Knows no HTTP."""
