"""`ocr-server recognize`: batch recognition of image files, with or without a server."""
