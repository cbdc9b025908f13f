"""The child process, and what the parent knows of it: spec.py and messages.py, nothing else."""
