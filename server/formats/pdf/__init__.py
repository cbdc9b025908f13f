"""Searchable PDFs: invisible text over the pages of a PDF, or over images; also as PDF/A-2b.

A process of its own writes each file, because the libraries that parse PDFs may hang or crash. The
parent imports process.py and order.py; nothing else of the server imports the rest, nor pikepdf.
"""
