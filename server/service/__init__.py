"""What becomes of a request, below HTTP: cached, joined, read, refused, or kept as a job."""
