"""Runtimes load a model file and run pixels through it; each lives in a module of its own."""
