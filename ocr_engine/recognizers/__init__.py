"""Recognizers turn one upright picture into lines of text; recognizer.py builds them by name."""
