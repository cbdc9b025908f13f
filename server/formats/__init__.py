"""The output formats: from a recognition to the bytes of an answer. Independent of HTTP."""
