"""Users: keys and what they allow."""
