"""Runtimes load a model file and run it on pixels; one module each."""
