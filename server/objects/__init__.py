"""Objects of stores and files of folders: found, read once each, and their results put elsewhere.

Imported if storage.watch is set, and by `ocr-server batch` and `ocr-server watch`.
"""
