"""Runtimes load a model file and run a tensor through it; each lives in a module of its own."""
