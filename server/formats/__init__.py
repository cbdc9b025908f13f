"""From a recognition to the bytes of an answer, in each output format. Knows no HTTP server."""
