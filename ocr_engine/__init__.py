"""Pictures to text, in processes. Knows no HTTP."""
