"""Tests of the pages in a real browser; package-scoped fixtures end with the last of them."""
