"""The HTTP front end. Only this package and server.main use Tornado."""
