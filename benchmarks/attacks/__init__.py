"""Attacks on a server, one module for each kind; benchmarks/attack.py runs them."""
