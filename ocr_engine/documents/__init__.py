"""Documents: files of many pages, each of which is read as an image.

Renderers open and draw them: child processes without models, so that ending one costs little.
"""
