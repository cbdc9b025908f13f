"""Recognizers turn one upright image into lines of text; recognizer.py builds them by name."""
