"""What command-line clients share: HTTP, arguments, progress, Ctrl-C; imports nothing else."""
