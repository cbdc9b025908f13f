"""`ocr-server batch` and `ocr-server watch`: folders and buckets, each version of a file once."""
