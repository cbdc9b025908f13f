"""HTTP handlers: each turns a request into calls of the service, and answers into HTTP."""
