"""The load test, an HTTP client; of this project, it imports only ocr_client."""
