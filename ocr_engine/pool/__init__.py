"""Long-lived worker processes, a backlog in the parent, and who has which image."""
