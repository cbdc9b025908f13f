"""What those who run the server see of it, and what its process asks of the system."""
