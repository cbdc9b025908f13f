"""`ocr-server recognize`: many images from files to files, with or without a server."""
