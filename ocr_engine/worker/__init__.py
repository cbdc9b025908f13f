"""The child process. The parent imports only spec.py and messages.py."""
