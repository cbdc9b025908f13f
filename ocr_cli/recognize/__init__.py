"""`ocr-server recognize`: many pictures from files to files, with or without a server."""
