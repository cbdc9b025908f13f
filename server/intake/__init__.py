"""From the bytes of a request to what it asks for: fields, options, and where its image is."""
