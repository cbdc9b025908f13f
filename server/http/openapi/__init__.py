"""The description of the HTTP interface, OpenAPI 3.1, built from what the code itself accepts."""
