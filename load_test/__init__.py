"""The load test; speaks HTTP, and of the project imports ocr_client alone."""
