"""Blobs: the inputs and results of jobs, in a folder or in the database."""
